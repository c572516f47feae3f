import { NotFoundError, toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { FeedEvent, FeedPosition, MeetingRecord, StoredSegment } from '../port.js'
import type { NumberedGap } from './transcript-rows.js'

/** What the feed reads when it was not told everything. */
export interface FeedSource {
  position(id: MeetingId): Promise<{ seq: number; gap: number }>
  segments(id: MeetingId, afterSeq: number, limit: number): Promise<readonly StoredSegment[]>
  numberedGaps(id: MeetingId, afterN: number): Promise<readonly NumberedGap[]>
  meeting(id: MeetingId): Promise<MeetingRecord>
}

/** Segments read at a time when a feed catches up. */
const PAGE = 200
/** A read that failed is repeated after so long: nobody announces again what it was to find. */
const RETRY_MS = 1_000

interface Position {
  seq: number
  gap: number
}

interface Subscription {
  readonly listener: (event: FeedEvent) => void
  readonly after: Partial<FeedPosition>
  /** numbers up to which everything was told; undefined until read */
  position: Position | undefined
  /** the lowest numbers that were announced before the position was read: those must be told */
  readonly floor: Position
  isReading: boolean
  /** announced while reading: read once more */
  isStale: boolean
  mustTellState: boolean
  /** a write of ours failed: it may be stored all the same, and nobody will say so */
  isInDoubt: boolean
}

/**
 * Tells each subscriber of a meeting what is stored from its place on, each segment once and in order of `seq`.
 * F1 what this process wrote is told from memory when it is next in order. F2 anything else (another process wrote, two
 * writes of ours came back in the wrong order, announcements were lost) makes one read of what follows the last number
 * told; announcements during a read cause one more read, never a queue of them. F3 a listener that throws harms nobody. F4 a write whose answer
 * was lost stored what it was given, perhaps, and its repetition finds nothing new: after the next one that is answered there is one read. F5 a read that fails is repeated until it works.
 */
export class Feed {
  readonly #source: FeedSource
  readonly #scope: Scope
  readonly #logger: Logger
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #meetings = new Map<MeetingId, Set<Subscription>>()
  /** writes of this process under way: what they stored may be visible before it is announced here */
  readonly #writes = new Map<MeetingId, Set<Promise<unknown>>>()

  /** @param scope runs the reads; none begins once it is closed */
  constructor(source: FeedSource, scope: Scope, logger: Logger, clock: Pick<Clock, 'sleep'>) {
    this.#source = source
    this.#scope = scope
    this.#logger = logger
    this.#clock = clock
  }

  /** Subscribes from a place, or from now on; returns the unsubscribe function. */
  subscribe(id: MeetingId, listener: (event: FeedEvent) => void, after?: number | FeedPosition): () => void {
    const floor = { seq: Number.POSITIVE_INFINITY, gap: Number.POSITIVE_INFINITY }
    const subscription: Subscription = {
      listener,
      after: typeof after === 'number' ? { seq: after } : (after ?? {}),
      position: undefined,
      floor,
      isReading: false,
      isStale: false,
      mustTellState: false,
      isInDoubt: false,
    }
    const all = this.#meetings.get(id) ?? new Set()
    this.#meetings.set(id, all.add(subscription))
    this.#read(id, subscription)
    return () => {
      all.delete(subscription)
      if (all.size === 0 && this.#meetings.get(id) === all) this.#meetings.delete(id)
    }
  }

  /** Runs a write of this process and tells what it stored. */
  segments(id: MeetingId, write: Promise<readonly StoredSegment[]>): Promise<readonly StoredSegment[]> {
    return this.#write(id, write, (stored) => this.#stored(id, stored))
  }

  /** Runs a write of this process and tells what it stored. */
  async gaps(id: MeetingId, write: Promise<readonly NumberedGap[]>): Promise<void> {
    await this.#write(id, write, ([first]) => {
      if (first) this.announced(id, { gap: first.n })
    })
  }

  /** This process wrote the state, or a wish for the end. */
  state(id: MeetingId, state: MeetingRecord['state'], reason: MeetingRecord['reason']): void {
    for (const subscription of this.#of(id)) this.#tell(subscription, { kind: 'state', state, reason })
  }

  /** Somebody stored something: numbers from `seq` or `gap` on, or a state. */
  announced(id: MeetingId, what: { seq?: number; gap?: number; state?: boolean }): void {
    for (const subscription of this.#of(id)) this.#hear(id, subscription, what)
  }

  /** Announcements may have been lost: looks at every meeting that has subscribers. */
  lost(): void {
    for (const id of this.#meetings.keys()) this.announced(id, { state: true })
  }

  /** Forgets every subscription. */
  clear(): void {
    for (const all of this.#meetings.values()) all.clear()
    this.#meetings.clear()
  }

  async #write<T>(id: MeetingId, write: Promise<T>, tell: (stored: T) => void): Promise<T> {
    const told = write.then(
      (stored) => {
        tell(stored)
        for (const subscription of this.#of(id)) {
          if (!subscription.isInDoubt) continue
          subscription.isInDoubt = false
          this.#read(id, subscription)
        }
        return stored
      },
      (thrown: unknown) => {
        for (const subscription of this.#of(id)) subscription.isInDoubt = true
        throw thrown
      },
    )
    const all = this.#writes.get(id) ?? new Set()
    this.#writes.set(id, all.add(told))
    try {
      return await told
    } finally {
      all.delete(told)
      if (all.size === 0 && this.#writes.get(id) === all) this.#writes.delete(id)
    }
  }

  #stored(id: MeetingId, segments: readonly StoredSegment[]): void {
    const first = segments[0]
    if (!first) return
    for (const subscription of this.#of(id)) {
      const { position, isReading } = subscription
      if (position && !isReading && first.seq === position.seq + 1) this.#tellSegments(subscription, position, segments)
      else this.#hear(id, subscription, { seq: first.seq })
    }
  }

  #of(id: MeetingId): readonly Subscription[] {
    return [...(this.#meetings.get(id) ?? [])]
  }

  #hear(id: MeetingId, subscription: Subscription, what: { seq?: number; gap?: number; state?: boolean }): void {
    const { floor } = subscription
    if (what.seq !== undefined) floor.seq = Math.min(floor.seq, what.seq - 1)
    if (what.gap !== undefined) floor.gap = Math.min(floor.gap, what.gap - 1)
    if (what.state) subscription.mustTellState = true
    this.#read(id, subscription)
  }

  #isSubscribed(id: MeetingId, subscription: Subscription): boolean {
    return !this.#scope.signal.aborted && this.#meetings.get(id)?.has(subscription) === true
  }

  #read(id: MeetingId, subscription: Subscription): void {
    subscription.isStale = true
    if (subscription.isReading || this.#scope.signal.aborted) return
    subscription.isReading = true
    this.#scope.run('feed', async (signal) => {
      try {
        for (let failures = 0; subscription.isStale && this.#isSubscribed(id, subscription);) {
          subscription.isStale = false
          try {
            await this.#catchUp(id, subscription)
          } catch (thrown) {
            // purged: there is nothing to tell any more
            if (thrown instanceof NotFoundError) return
            subscription.isStale = true
            const level = failures++ === 0 ? 'warn' : 'debug'
            this.#logger[level]({ meeting: id, err: toError(thrown) }, 'live feed could not read: it does so again')
            await this.#clock.sleep(RETRY_MS, signal)
          }
        }
      } finally {
        subscription.isReading = false
      }
    })
  }

  async #catchUp(id: MeetingId, subscription: Subscription): Promise<void> {
    subscription.position ??= await this.#start(id, subscription)
    const { position } = subscription
    for (;;) {
      const segments = await this.#source.segments(id, position.seq, PAGE)
      this.#tellSegments(subscription, position, segments)
      if (segments.length < PAGE || !this.#isSubscribed(id, subscription)) break
    }
    for (const { n, gap } of await this.#source.numberedGaps(id, position.gap)) {
      position.gap = n
      this.#tell(subscription, { kind: 'gap', gap, n })
    }
    if (!subscription.mustTellState) return
    subscription.mustTellState = false
    const { state, reason } = await this.#source.meeting(id)
    this.#tell(subscription, { kind: 'state', state, reason })
  }

  async #start(id: MeetingId, { after, floor }: Subscription): Promise<Position> {
    const stored = await this.#source.position(id)
    // what of ours is counted in there already but not announced yet lowers the floor
    await Promise.allSettled(this.#writes.get(id) ?? new Set<Promise<unknown>>())
    return { seq: after.seq ?? Math.min(stored.seq, floor.seq), gap: after.gap ?? Math.min(stored.gap, floor.gap) }
  }

  #tellSegments(subscription: Subscription, position: Position, segments: readonly StoredSegment[]): void {
    for (const segment of segments) {
      if (segment.seq <= position.seq) continue
      position.seq = segment.seq
      this.#tell(subscription, { kind: 'segment', segment })
    }
  }

  #tell(subscription: Subscription, event: FeedEvent): void {
    try {
      subscription.listener(event)
    } catch (thrown) {
      this.#logger.error({ err: toError(thrown), event: event.kind }, 'live feed listener failed')
    }
  }
}
