import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import type { SttPort } from '../port.js'
import type { Spool } from '../spool/spool.js'
import { Alarm } from '../../../core/alarm.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { foreignResults } from './results.js'
import { GladiaSession } from './session.js'
import { networkTransport, type Transport } from './transport.js'

/** How to reach Gladia, or a server that speaks its protocol. */
export interface GladiaOptions {
  /** `https://api.gladia.io`, or a local server */
  readonly baseUrl: string
  readonly apiKey: string
  /** `us-west`, `eu-west`, or null for the account's default */
  readonly region: string | null
  readonly clock: Clock
  /** in [0, 1) */
  readonly random: () => number
  readonly logger: Logger
  readonly limits?: Partial<Limits>
  /** the disk under the sessions' audio; without one it is kept in memory only */
  readonly spool?: Spool
  /** the network unless said otherwise */
  readonly transport?: Transport
}

/** Speech recognition by Gladia's live API v2. Sessions share the options, the disk and one alarm. */
export function createGladiaStt(options: GladiaOptions): SttPort {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
  const transport = options.transport ?? networkTransport
  const { spool = null } = options
  const alarm = new Alarm()
  return {
    open: (request, events) => {
      const session = new GladiaSession({ ...options, limits, transport, spool, alarm }, request, events)
      session.start()
      return session
    },
    left: (meetingId, isClaimed) => spool?.left(meetingId, limits.bufferBytes, isClaimed) ?? Promise.resolve([]),
    leftMeetings: () => spool?.meetings() ?? Promise.resolve([]),
    results: (of, signal) => foreignResults({ ...options, limits, transport }, of, signal),
  }
}
