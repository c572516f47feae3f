import type { Logger } from '../../../observe/logger.js'
import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded } from './guard.js'

/** Posts the result to every destination and ends the meeting. All three parameters are declared: BullMQ passes the signal by arity. */
export const deliverProcessor =
  (handlers: JobHandlers, logger: Logger): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, logger, (id, stop) => handlers.deliver(id, stop))
