import { LATE_START_MS } from '../port.js'

/** Times and bounds of the adapter, in ms unless named otherwise; `DEFAULT_TUNABLES` are measured or stated there. */
export interface RoomTunables {
  /** how long a departure without a reason, or the end of a stream, waits for the event that explains it */
  readonly holdMs: number
  /** how long those who were there before a full reconnect may take to come back */
  readonly graceMs: number
  /** how long a stream is read on after a mute */
  readonly muteTailMs: number
  readonly maxTracksPerKey: number
  /** a microphone that was asked for and does not come is asked for again so often, is told as missing, and makes the room be joined anew */
  readonly askAgainMs: number
  readonly lateMs: number
  readonly rejoinMs: number
  /** a room is joined anew for that reason at most so often */
  readonly rejoinEveryMs: number
  /** the server is asked who is there so often, and once more after so long when that differs from what the room's events told */
  readonly lookEveryMs: number
  readonly confirmLookMs: number
  readonly maxCaptions: number
  readonly noFramesMs: number
  readonly noPacketsMs: number
  readonly checkFramesEveryMs: number
  readonly checkPacketsEveryMs: number
  /** bound of one attempt at the signalling connection; the library adds a probe of 3 s */
  readonly connectTimeoutMs: number
  /** bound of the library's answer to a join, whatever it is: a last resort, above the sum of its own bounds */
  readonly joinAnswerMs: number
  /** bound of waiting for the library's confirmation of a leave */
  readonly closeTimeoutMs: number
}

export const DEFAULT_TUNABLES: RoomTunables = {
  // teardown of a full reconnect to `reconnecting`: 75 ms measured; rejoin to trackSubscribed: 175 ms
  holdMs: 300,
  // people came back up to 7.4 s after a server was killed and restarted
  graceMs: 15_000,
  // 50 - 60 ms of speech arrive after the event, the last of it in a frame that takes 50 ms to fill
  muteTailMs: 150,
  maxTracksPerKey: 4,
  // 175 ms measured, some seconds on a machine that is short of time
  askAgainMs: 5_000,
  lateMs: LATE_START_MS,
  rejoinMs: 30_000,
  rejoinEveryMs: 300_000,
  // one request of a few hundred bytes for each person; an event takes less than 1 s, also on a busy machine
  lookEveryMs: 10_000,
  confirmLookMs: 3_000,
  maxCaptions: 64,
  noFramesMs: 2_000,
  // even a silent microphone sends a packet every 0.4 s (0.54 s at most, measured); two looks without any
  noPacketsMs: 2_900,
  checkFramesEveryMs: 500,
  checkPacketsEveryMs: 1_500,
  connectTimeoutMs: 5_000,
  // 5 s of signalling, 3 s of a probe, 15 s until media flow
  joinAnswerMs: 45_000,
  closeTimeoutMs: 5_000,
}
