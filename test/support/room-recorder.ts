import type { TrackKey } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import type { RefusalReason, RoomEndReason, RoomEvents, RoomParticipant, RoomTrack, StallReason } from '../../src/live/room/port.js'

interface Waiter {
  readonly isDone: () => boolean
  readonly resolve: () => void
}

/** Writes down what a room reports, one line an event, and lets a test wait for it. */
export class RoomRecorder implements RoomEvents {
  readonly lines: string[] = []
  readonly frames = new Map<TrackKey, { count: number; loud: number; sizes: Set<number>; lastMs: number }>()
  /** since when each track was awaited at its last start, monotonic clock */
  readonly awaitedMs = new Map<TrackKey, number | undefined>()
  /** since when each track may have been made up at its last stall, monotonic clock */
  readonly stalledMs = new Map<TrackKey, number | undefined>()
  /** since when each track was missing when it was refused, monotonic clock */
  readonly refusedMs = new Map<TrackKey, number>()
  error: Error | undefined
  #waiters: Waiter[] = []
  /** called with each line before it is written down; a test throws in it */
  onLine: ((line: string) => void) | undefined

  participantJoined({ identity, name }: RoomParticipant): void {
    this.#write(`joined ${identity} ${name}`)
  }
  participantRenamed({ identity, name }: RoomParticipant): void {
    this.#write(`renamed ${identity} ${name}`)
  }
  participantLeft(identity: string): void {
    this.#write(`left ${identity}`)
  }
  trackStarted({ key }: RoomTrack, sinceMs?: number): void {
    this.awaitedMs.set(key, sinceMs)
    this.#write(`started ${key}`)
  }
  trackEnded(key: TrackKey, why: string): void {
    this.#write(`ended ${key} ${why}`)
  }
  trackRefused({ key }: RoomTrack, _why: RefusalReason, forMs: number): void {
    this.refusedMs.set(key, systemClock.monotonicMs() - forMs)
    this.#write(`refused ${key}`)
  }
  trackRefusalEnded(key: TrackKey): void {
    this.#write(`refusal ended ${key}`)
  }
  frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void {
    let seen = this.frames.get(key)
    if (!seen) {
      seen = { count: 0, loud: 0, sizes: new Set(), lastMs: 0 }
      this.frames.set(key, seen)
    }
    seen.count += 1
    seen.sizes.add(samples.length)
    seen.lastMs = arrivedMs
    if (samples.some((sample) => Math.abs(sample) > 1_000)) seen.loud += 1
    this.#look()
  }
  trackStalled(key: TrackKey, why: StallReason, sinceMs?: number): void {
    this.stalledMs.set(key, sinceMs)
    this.#write(`stalled ${key} ${why}`)
  }
  trackResumed(key: TrackKey): void {
    this.#write(`resumed ${key}`)
  }
  reconnecting(): void {
    this.#write('reconnecting')
  }
  reconnected(): void {
    this.#write('reconnected')
  }
  ended(reason: RoomEndReason, error?: Error): void {
    this.error = error
    this.#write(`end ${reason}`)
  }

  /** Lines from position `from` on. */
  since(from: number): string[] {
    return this.lines.slice(from)
  }

  /** Resolves when the condition holds, looked at after every event and frame; the test's own timeout bounds it. */
  until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ isDone, resolve }))
  }

  /** Resolves when these lines have been written, in any order, at or after position `from`. */
  untilLines(lines: readonly string[], from = 0): Promise<void> {
    return this.until(() => lines.every((line) => this.since(from).includes(line)))
  }

  /** Resolves after `count` more loud frames of the track. */
  untilLoud(key: TrackKey, count = 3): Promise<void> {
    const wanted = (this.frames.get(key)?.loud ?? 0) + count
    return this.until(() => (this.frames.get(key)?.loud ?? 0) >= wanted)
  }

  #write(line: string): void {
    this.lines.push(line)
    this.onLine?.(line)
    this.#look()
  }

  #look(): void {
    const done = this.#waiters.filter(({ isDone }) => isDone())
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter))
    for (const { resolve } of done) resolve()
  }
}
