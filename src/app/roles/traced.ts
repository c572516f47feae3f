import type { JobHandlers } from '../../followup/port.js'
import { traced } from '../../observe/trace.js'

/** The same handlers, each within a span that carries the meeting's id. */
export function tracedHandlers(handlers: JobHandlers): JobHandlers {
  const within = (name: keyof JobHandlers): JobHandlers['attend'] => {
    return (id, signal) => traced(name, { attributes: { 'roomscribe.meeting': id } }, () => handlers[name](id, signal))
  }
  return { attend: within('attend'), finalise: within('finalise'), summarise: within('summarise'), deliver: within('deliver') }
}
