import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded, type GuardParts } from './guard.js'

/** Runs the bot of a meeting until the meeting ends. All three parameters are declared: BullMQ passes the signal by arity. */
export const attendProcessor =
  (handlers: JobHandlers, parts: GuardParts): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, parts, (id, stop) => handlers.attend(id, stop))
