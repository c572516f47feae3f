import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import type { Spool } from '../spool/spool.js'
import type { Alarm } from '../../../core/alarm.js'
import type { Limits } from './limits.js'
import type { Transport } from './transport.js'

/** What all sessions of one service share. */
export interface SessionParts {
  readonly baseUrl: string
  readonly apiKey: string
  readonly region: string | null
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly limits: Limits
  readonly alarm: Alarm
  /** null: audio is kept in memory only */
  readonly spool: Spool | null
  readonly transport: Transport
}
