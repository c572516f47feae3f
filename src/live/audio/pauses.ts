import type { Track } from './track.js'
import type { AudioTunables } from './tunables.js'

/** After a pause this many times as long as one that may be cut, nothing waits above the need any more. */
const LONG_PAUSE = 2
/** How much louder than the quietest block of a roll a block may be to move at it. */
const QUIET_FACTOR = 1.5

/**
 * Whether the oldest block of a seated track may be skipped to catch up: never voice, never out of a pause shorter than is left of one.
 * @param need blocks that the session will take from the ring now
 */
export function mayCut(track: Track, need: number, tunables: AudioTunables): boolean {
  const spare = track.queue.length - need
  if (spare <= 0 || track.queue.headVoiced || track.pausedBlocks < tunables.pauseBlocks) return false
  return spare > tunables.spareBlocks || track.pausedBlocks >= LONG_PAUSE * tunables.pauseBlocks
}

/**
 * Whether a seated track may change to the new session before its next block.
 */
export function mayMove(track: Track, rollMs: number, tunables: AudioTunables): boolean {
  const isEmpty = track.queue.length === 0
  if (track.isLeaving) return false
  // muted, gone or stalled: nothing comes that a move could cut; who is merely late may be in mid-word
  if (isEmpty && (!track.isLive || track.isStalled)) return true
  if (track.pausedBlocks >= tunables.pauseBlocks || rollMs >= tunables.rollLimitMs) return true
  return !isEmpty && rollMs >= tunables.rollDeadlineMs && track.queue.headRms <= QUIET_FACTOR * track.quietestRms
}
