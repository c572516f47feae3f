import type { SessionId } from '../../../src/core/ids.js'
import type { AudioBuffer } from '../../../src/live/stt/spool/audio-buffer.js'
import type { AudioBacklog } from '../../../src/live/stt/spool/backlog.js'
import type { Owner } from '../../../src/live/stt/spool/owner.js'
import type { Spool } from '../../../src/live/stt/spool/spool.js'
import type { Actor } from './steps.js'
import type { Numbering } from './truth.js'

/** One process with its spool. */
export interface SimProcess extends Actor {
  readonly name: string
  readonly owner: Owner
  readonly spool: Spool
  readonly maxBytes: number
  /** of another host, on the same disk */
  readonly isElsewhere: boolean
  /** the last step at which it stood still */
  stoppedAt: number
  hadFault: boolean
  /** the disk was full for it */
  wasFull: boolean
  wasStopped: boolean
  readonly holdings: Set<Holding>
  /** the step at which it began to look for what is left; Infinity: it does not */
  takingSince: number
  /** it does so holding the claim on a meeting */
  isClaiming: boolean
  /** calls that have not ended */
  calls: number
}

/** Audio that a process has: a session's, or on its way from one to another. */
export interface Holding {
  readonly id: number
  readonly process: SimProcess
  readonly meeting: number
  sessionId: SessionId
  /** of a session */
  buffer: AudioBuffer | null
  /** between two sessions */
  backlog: AudioBacklog | null
  numbering: Numbering
  isPosted: boolean
  sent: number
  acknowledged: number
  /** a call of it has begun that ends it */
  isEnding: boolean
}
