import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded, type GuardParts } from './guard.js'

/** Posts the result to every destination and ends the meeting. All three parameters are declared: BullMQ passes the signal by arity. */
export const deliverProcessor =
  (handlers: JobHandlers, parts: GuardParts): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, parts, (id, stop) => handlers.deliver(id, stop))
