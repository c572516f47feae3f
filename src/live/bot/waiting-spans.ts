import type { Span } from '../audio/span.js'

const channelKey = ({ sessionId, channel }: Span): string => `${sessionId}/${channel}`

interface Entry {
  span: Span
  /** how long the log has it, and the store; -1: not at all */
  loggedTo: number
  storedTo: number
}

/** Spans that the store does not have yet, or not as long as they are, by channel and where they begin. */
export class WaitingSpans {
  readonly #channels = new Map<string, Map<number, Entry>>()
  /** what the log does not have as it is */
  readonly #unlogged = new Set<Entry>()
  /** up to which frame what was put of each channel is kept elsewhere: an open span goes on there */
  readonly #keptTo = new Map<string, number>()
  #size = 0
  #isDropped = false

  get size(): number {
    return this.#size
  }

  /** Whether something is in the log that the store does not have, or will not get from here. */
  get isLogOnly(): boolean {
    return (
      this.#isDropped ||
      [...this.#channels.values()].some((channel) => [...channel.values()].some(({ loggedTo, storedTo }) => loggedTo > storedTo))
    )
  }

  /** Keeps the newest version of a span. */
  put(span: Span): void {
    const key = channelKey(span)
    const channel = this.#channels.get(key) ?? new Map<number, Entry>()
    this.#channels.set(key, channel)
    const entry = channel.get(span.fromFrame) ?? { span, loggedTo: -1, storedTo: -1 }
    if (!channel.has(span.fromFrame)) this.#size++
    channel.set(span.fromFrame, entry)
    entry.span = span
    if (entry.loggedTo < span.toFrame) this.#unlogged.add(entry)
  }

  /** Whether the sound that waits, of all channels, is longer. */
  isLongerThan(frames: number): boolean {
    let waiting = 0
    for (const [key, channel] of this.#channels) {
      const keptTo = this.#keptTo.get(key) ?? 0
      for (const { span } of channel.values()) {
        waiting += span.toFrame - Math.max(span.fromFrame, keptTo)
        if (waiting > frames) return true
      }
    }
    return false
  }

  /** Those that the log does not have as they are. */
  unlogged(): Span[] {
    return Array.from(this.#unlogged, ({ span }) => span)
  }

  /** The log has them as they are given. */
  logged(spans: readonly Span[]): void {
    for (const span of spans) {
      const entry = this.#channels.get(channelKey(span))?.get(span.fromFrame)
      if (!entry) continue
      entry.loggedTo = Math.max(entry.loggedTo, span.toFrame)
      if (entry.loggedTo >= entry.span.toFrame) this.#unlogged.delete(entry)
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

  /** Memory has no room for them. */
  drop(spans: readonly Span[]): void {
    this.remove(spans)
    this.#isDropped = true
  }

  /** They are kept elsewhere as they are given; one that has grown since still waits. */
  remove(spans: readonly Span[]): void {
    for (const span of spans) {
      const key = channelKey(span)
      const channel = this.#channels.get(key)
      const entry = channel?.get(span.fromFrame)
      if (!channel || !entry) continue
      entry.storedTo = Math.max(entry.storedTo, span.toFrame)
      this.#keptTo.set(key, Math.max(this.#keptTo.get(key) ?? 0, span.toFrame))
      if (entry.span !== span) continue
      channel.delete(span.fromFrame)
      this.#unlogged.delete(entry)
      this.#size--
      if (channel.size === 0) this.#channels.delete(key)
    }
  }
}
