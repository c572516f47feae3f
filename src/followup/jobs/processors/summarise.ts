import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded, type GuardParts } from './guard.js'

/** Makes and stores the summary. All three parameters are declared: BullMQ passes the signal by arity. */
export const summariseProcessor =
  (handlers: JobHandlers, parts: GuardParts): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, parts, (id, stop) => handlers.summarise(id, stop))
