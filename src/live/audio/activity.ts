import type { Identity } from '../../core/ids.js'
import type { Track } from './track.js'
import { blockMsOf, type AudioTunables } from './tunables.js'

/** Who speaks at a moment, and whose speech waits for a channel; each person once, possibly in both. */
export interface Activity {
  readonly speaking: readonly Identity[]
  readonly waiting: readonly Identity[]
}

/**
 * What goes on at a moment, out of what is known of each track. Speech is over after a hangover without voice, as for channels.
 * @param nowMs monotonic clock
 */
export function activityOf(tracks: Iterable<Track>, nowMs: number, tunables: AudioTunables): Activity {
  const hangoverMs = tunables.hangoverBlocks * blockMsOf(tunables)
  const speaking: Identity[] = []
  const waiting: Identity[] = []
  for (const track of tracks) {
    const { identity, isStalled, lastVoiceMs, liveSinceMs, wantsSeat, wantsSinceMs } = track
    // false of a track that is not live: NaN is no time
    const isHeard = lastVoiceMs >= liveSinceMs && !isStalled
    if (isHeard && nowMs - lastVoiceMs < hangoverMs && !speaking.includes(identity)) speaking.push(identity)
    if (wantsSeat && nowMs - wantsSinceMs >= tunables.tellWaitMs && !waiting.includes(identity)) waiting.push(identity)
  }
  return { speaking, waiting }
}
