import type { BackoffPolicy } from '../../../core/backoff.js'

/** Every bound of a session. Times in ms, sizes in bytes; tests scale them down, nobody turns one off. */
export interface Limits {
  /** audio in memory until acknowledged; what is older goes to disk where there is one, and is lost where there is none */
  readonly bufferBytes: number
  /** one binary message: Gladia recommends about 100 ms */
  readonly chunkMs: number
  /** audio of the probe after a reconnect, when the service does not answer an empty one */
  readonly probeMs: number
  /** wait for the answer to an empty probe before one with audio is sent */
  readonly emptyAckMs: number
  /** largest binary message; the service closes 1009 above 1 MiB */
  readonly maxFrameBytes: number
  /** audio handed to the socket and not yet taken by the system; what exceeds it stays in the replay buffer */
  readonly maxQueuedMs: number
  /** pace of a backlog, as a multiple of real time */
  readonly replaySpeed: number
  /** a connection whose acknowledgements do not advance for this long is dead */
  readonly ackTimeoutMs: number
  /** without audio for this long, empty chunks keep the connection (it drops after about 30 s) */
  readonly idleMs: number
  readonly keepaliveMs: number
  /** a connection that made progress for this long resets the backoff */
  readonly stableMs: number
  readonly backoff: BackoffPolicy
  /** dials of any 60 s */
  readonly maxDialsPerMinute: number
  readonly requestMs: number
  readonly connectMs: number
  /** how long a session is tried to be created: the spool is the bound, this only ends what nobody would wait for */
  readonly openDeadlineMs: number
  /** how long a created session is tried to be reached without progress (unpublished; assumed to live 60 s without a socket) */
  readonly resumeDeadlineMs: number
  /** an outage that lasts longer is told to people */
  readonly alarmMs: number
  /** how long results are asked for after the end */
  readonly collectMs: number
  readonly collectPollMs: number
  /** how long those of a session that was lost in an outage are waited for, while its audio is kept: then they are missing */
  readonly collectAwayMs: number
  /** how long an orderly close of the socket is waited for */
  readonly closeGraceMs: number
  /** a larger message is counted and dropped; above twice this the connection is dropped unread */
  readonly maxMessageBytes: number
  /** largest result of a finished session (3 h of words are about 6 MB) */
  readonly maxResultBytes: number
}

/** 8 MB are two minutes of 2 channels and half a minute of 8 at 16 kHz: what a disk that does not write is waited for. */
export const DEFAULT_LIMITS: Limits = {
  bufferBytes: 8 * 1024 * 1024,
  chunkMs: 100,
  probeMs: 10,
  emptyAckMs: 750,
  maxFrameBytes: 512 * 1024,
  maxQueuedMs: 1000,
  replaySpeed: 4,
  ackTimeoutMs: 6000,
  idleMs: 20_000,
  keepaliveMs: 5000,
  stableMs: 10_000,
  backoff: { firstMs: 250, maxMs: 15_000 },
  maxDialsPerMinute: 12,
  requestMs: 10_000,
  connectMs: 10_000,
  openDeadlineMs: 24 * 3600_000,
  resumeDeadlineMs: 120_000,
  alarmMs: 60_000,
  collectMs: 15_000,
  collectPollMs: 500,
  collectAwayMs: 10 * 60_000,
  closeGraceMs: 1000,
  maxMessageBytes: 8 * 1024 * 1024,
  maxResultBytes: 64 * 1024 * 1024,
}
