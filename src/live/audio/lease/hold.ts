import type { Track } from '../track.js'
import { blockMsOf, type AudioTunables } from '../tunables.js'

/** After a pause this many times as long as one that may be cut, nothing waits above the need any more. */
const LONG_PAUSE = 2
/** How much louder than the quietest voice of a hold or a roll a block of voice may be to be let go, or to move, before it. */
const QUIET_FACTOR = 1.5

/**
 * Whether the oldest block of a seated track may be skipped to catch up: out of the middle of a pause only. Half of what is left of the
 * pause stays behind the voice, half before the next one, which may begin more softly than is noticed; never what is, or may be, voice.
 * @param need blocks that the session will take from the ring now
 * @param isOwn the channel is not leased for voice: a sound above the noise of the microphone is no pause, whatever the detector says
 */
export function mayCut(track: Track, need: number, isOwn: boolean, tunables: AudioTunables): boolean {
  const { queue } = track
  const half = tunables.pauseBlocks / 2
  const spare = queue.length - need
  const paused = isOwn ? track.quietBlocks : track.pausedBlocks
  if (spare <= 0 || paused < half) return false
  const ahead = queue.silentAhead(half + 1, isOwn ? track.noiseRms : Number.POSITIVE_INFINITY)
  if (ahead <= Math.min(half, queue.length - 1)) return false
  return spare > tunables.spareBlocks || paused >= LONG_PAUSE * tunables.pauseBlocks
}

/**
 * How many of the oldest blocks are left out when a track is seated after a wait: of what leads in, those that nobody can hear, since
 * the guard before them was as silent. No more than it has waited for, so that its delay line stays as long as anybody's.
 */
export function spareLead({ queue }: Track, waitedMs: number, tunables: AudioTunables): number {
  const waitedBlocks = Math.floor(waitedMs / blockMsOf(tunables))
  return Math.max(0, Math.min(waitedBlocks, queue.silentAhead(queue.length) - tunables.leadBlocks, queue.inaudibleAhead))
}

/** Whether a seated track may change to the new session before its next block. */
export function mayMove(track: Track, rollMs: number, tunables: AudioTunables): boolean {
  const isEmpty = track.queue.length === 0
  if (track.isLeaving) return false
  // muted, gone or stalled: nothing comes that a move could cut; who is merely late may be in mid-word
  if (isEmpty && isGone(track)) return true
  if (track.pausedBlocks >= tunables.pauseBlocks) return true
  return isOverdue(track, rollMs, tunables)
}

/** Whether a leased channel is let go before the holder's next block although nobody waits for it. */
export function mayEnd(track: Track, tunables: AudioTunables): boolean {
  const { queue } = track
  if (queue.length === 0 && isGone(track)) return true
  return queue.voiced + queue.undecided === 0 && track.pausedBlocks >= tunables.hangoverBlocks
}

/** Whether it is let go because somebody waits: what waits behind the delay line is known to be silence already. */
export function mayTakeOver({ queue, pausedBlocks }: Track, tunables: AudioTunables): boolean {
  if (queue.voiced > 0 || pausedBlocks < tunables.tailBlocks) return false
  return pausedBlocks + queue.length - queue.undecided >= tunables.takeOverBlocks
}

/**
 * Whether a holder who does not pause may be asked for its channel, when somebody has waited for long: it has had it for long itself. From then
 * on the blocks count that it is left to find a quiet one in.
 */
export function mayHurry({ heldBlocks }: Track, tunables: AudioTunables): boolean {
  return heldBlocks * blockMsOf(tunables) >= tunables.holdDeadlineMs
}

/** Whether it is taken in mid-speech, from a holder who never pauses and was asked for it. */
export function mayInterrupt(track: Track, tunables: AudioTunables): boolean {
  if (track.hurriedBlocks === 0) return false
  const hurriedMs = (track.hurriedBlocks - 1) * blockMsOf(tunables)
  return isQuiet(track) || hurriedMs >= tunables.holdLimitMs - tunables.holdDeadlineMs
}

/** Whether noise makes room for a voice. */
export function mayDisplace({ isNoisy, heldBlocks }: Track, tunables: AudioTunables): boolean {
  return isNoisy && heldBlocks * blockMsOf(tunables) >= tunables.noisyHoldMs
}

/** Nothing more comes from it for now. */
const isGone = (track: Track): boolean => !track.isLive || track.isStalled

/** It never paused: from the deadline on at a quiet block, from the limit on at any. */
function isOverdue(track: Track, ms: number, tunables: AudioTunables): boolean {
  return ms >= tunables.holdLimitMs || (ms >= tunables.holdDeadlineMs && isQuiet(track))
}

/** Whether its next block is no voice, or hardly any. What is not there yet, or not decided, cannot be known to be quiet. */
function isQuiet({ queue, quietestRms }: Track): boolean {
  if (queue.length === 0 || queue.headKind === 'undecided') return false
  return queue.headKind === 'silent' || queue.headRms <= QUIET_FACTOR * quietestRms
}
