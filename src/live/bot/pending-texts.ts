import type { Identity, SessionId } from '../../core/ids.js'
import type { PendingText } from '../../records/port.js'
import { united } from '../transcript/pieces.js'
import { merged, without, type Range } from '../transcript/ranges.js'
import type { Segment } from '../transcript/segment.js'

/** Voice begins up to so much before its first word. */
const BEFORE_MS = 250
/** It goes on for so long after its last one: the detector lets go late (0.65 s in the mean, `bench voice`). */
const AFTER_MS = 800
/** What is left of voice next to a text, and is shorter, is its edge. */
const LEAST_MS = 300

type Said = Pick<Segment, 'identity' | 'startMs' | 'endMs'>

/** What has no text yet. A piece of voice counts as long as it is more than the edge of a text, or has none at all. */
export function stillPending(pieces: readonly PendingText[], texts: readonly Said[]): PendingText[] {
  return pieces.flatMap(({ identity, fromMs, toMs }) => {
    const own = texts.filter((text) => text.identity === identity && text.startMs - BEFORE_MS < toMs && text.endMs + AFTER_MS > fromMs)
    if (own.length === 0) return [{ identity, fromMs, toMs }]
    const told = merged(own.map(({ startMs, endMs }): Range => [startMs - BEFORE_MS, endMs + AFTER_MS]))
    return without([[fromMs, toMs]], told)
      .filter(([from, to]) => to - from >= LEAST_MS)
      .map(([from, to]) => ({ identity, fromMs: from, toMs: to }))
  })
}

/**
 * Voice whose text may come at the end of its session only, by session: its connection was lost, and what the service told meanwhile is
 * told again with the result alone. Stored with the session, so that whoever has to do without that result knows what is missing.
 */
export class PendingTexts {
  readonly #sessions = new Map<SessionId, readonly PendingText[]>()

  /** @param times when the person spoke, ms of the meeting */
  add(sessionId: SessionId, identity: Identity, times: readonly Range[]): void {
    if (times.length === 0) return
    const more = times.map(([fromMs, toMs]) => ({ identity, fromMs, toMs }))
    this.#sessions.set(sessionId, united([...(this.#sessions.get(sessionId) ?? []), ...more]))
  }

  /** What of a session still waits. @param texts final ones so far */
  of(sessionId: SessionId, texts: readonly Said[]): readonly PendingText[] {
    const before = this.#sessions.get(sessionId)
    if (!before) return []
    const left = stillPending(before, texts)
    if (left.length > 0) this.#sessions.set(sessionId, left)
    else this.#sessions.delete(sessionId)
    return left
  }
}
