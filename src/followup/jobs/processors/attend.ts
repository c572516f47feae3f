import type { Logger } from '../../../observe/logger.js'
import type { JobHandlers } from '../../port.js'
import type { JobProcessor } from '../backend.js'
import { guarded } from './guard.js'

/** Runs the bot of a meeting until the meeting ends. All three parameters are declared: BullMQ passes the signal by arity. */
export const attendProcessor =
  (handlers: JobHandlers, logger: Logger): JobProcessor =>
  (job, token, signal) =>
    guarded(job, token, signal, logger, (id, stop) => handlers.attend(id, stop))
