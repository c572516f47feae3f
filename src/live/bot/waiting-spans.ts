import type { Span } from '../audio/span.js'
import type { Segment } from '../transcript/segment.js'

type Place = Pick<Span, 'sessionId' | 'channel'>
const channelKey = ({ sessionId, channel }: Place): string => `${sessionId}/${channel}`

interface Entry {
  span: Span
  /** how long the log has it; -1: not at all */
  loggedTo: number
}

/** Spans that the store does not have yet, or not as long as they are, by channel and where they begin. */
export class WaitingSpans {
  readonly #channels = new Map<string, Map<number, Entry>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Keeps the newest version of a span. */
  put(span: Span): void {
    const key = channelKey(span)
    const channel = this.#channels.get(key) ?? new Map<number, Entry>()
    this.#channels.set(key, channel)
    const entry = channel.get(span.fromFrame)
    if (entry) entry.span = span
    else {
      channel.set(span.fromFrame, { span, loggedTo: -1 })
      this.#size++
    }
  }

  /** Those on the channels of some segments. */
  of(segments: readonly Segment[]): Span[] {
    return this.#entries(segments).map(({ span }) => span)
  }

  /** Those on the channels of some segments that the log does not have as they are. */
  unlogged(segments: readonly Segment[]): Span[] {
    return this.#entries(segments).flatMap(({ span, loggedTo }) => (loggedTo < span.toFrame ? [span] : []))
  }

  /** The log has them as they are given. */
  logged(spans: readonly Span[]): void {
    for (const span of spans) {
      const entry = this.#channels.get(channelKey(span))?.get(span.fromFrame)
      if (entry) entry.loggedTo = Math.max(entry.loggedTo, span.toFrame)
    }
  }

  /** The first ones, at most `limit`. */
  first(limit: number): Span[] {
    const found: Span[] = []
    for (const channel of this.#channels.values()) {
      for (const { span } of channel.values()) {
        if (found.length === limit) return found
        found.push(span)
      }
    }
    return found
  }

  /** They are kept elsewhere as they are given; one that has grown since still waits. */
  remove(spans: readonly Span[]): void {
    for (const span of spans) {
      const key = channelKey(span)
      const channel = this.#channels.get(key)
      if (channel?.get(span.fromFrame)?.span !== span) continue
      channel.delete(span.fromFrame)
      this.#size--
      if (channel.size === 0) this.#channels.delete(key)
    }
  }

  #entries(segments: readonly Segment[]): Entry[] {
    return [...new Set(segments.map(channelKey))].flatMap((key) => [...(this.#channels.get(key)?.values() ?? [])])
  }
}
