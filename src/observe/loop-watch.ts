import type { Clock } from '../core/time.js'
import type { Logger } from './logger.js'

const LOOK_MS = 250
/** A stall worth a line; people who speak in it are heard late. */
const WARN_MS = 1_000
/** Beyond this sound is lost: what the room delivered meanwhile is longer than what the audio plane catches up with. */
const ALARM_MS = 10_000

/**
 * Tells when the event loop of this process stood still: nothing here, no audio, no lock, no answer, moved meanwhile.
 * @param stalled told of each stall of a second and more, in seconds
 * @returns ends it
 */
export function watchLoop(clock: Clock, logger: Logger, stalled: (seconds: number) => void): () => void {
  let last = clock.monotonicMs()
  return clock.every(LOOK_MS, () => {
    const now = clock.monotonicMs()
    const ms = Math.round(now - last - LOOK_MS)
    last = now
    if (ms < WARN_MS) return
    stalled(ms / 1000)
    if (ms >= ALARM_MS) logger.error({ ms }, 'the event loop stood still for so long that sound is lost')
    else logger.warn({ ms }, 'the event loop stood still')
  })
}
