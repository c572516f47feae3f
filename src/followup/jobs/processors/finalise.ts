import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded, type GuardParts } from './guard.js'

/** Checks that the live plane left a whole record behind. All three parameters are declared: BullMQ passes the signal by arity. */
export const finaliseProcessor =
  (handlers: JobHandlers, parts: GuardParts): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, parts, (id, stop) => handlers.finalise(id, stop))
