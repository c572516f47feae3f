import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { atMost } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import { storeLeft, type LeftStore } from '../../records/left-behind.js'
import type { Claim, FinalsLog, FinalsLogs } from '../../records/port.js'
import type { Segment } from '../transcript/segment.js'
import type { Lane } from './lane.js'
import type { Waiting } from './waiting.js'

/** The store is asked when the log has answered, or after so long when it does not: the two do not compete for the processor. */
const STORE_AFTER_MS = 50
/** A disk that hangs must not keep the meeting from ending. */
const LOG_CLOSE_MS = 2_000
/** A disk that could not be written is tried again after so long. */
const REOPEN_MS = 30_000
/** Finals in memory while the store is away: about 4 MB. What comes then is in the log alone, and read back from it. */
export const MEMORY_SEGMENTS = 2_000
/** Finals in memory while the store and the disk are away: hours of talk. Beyond it the oldest are given up, counted and told. */
export const MAX_WAITING = 20_000
/** The store is given so many at a time. */
const CHUNK = 500

/** What the log alone has. */
interface Spill {
  /** from here on the store has not all of the log */
  from: number
  /** so many segments of it are nowhere else */
  segments: number
  /** segments behind `from` that memory has, or the store by now */
  readonly elsewhere: Set<Segment['id']>
}

/** What a keeper is made of. */
export interface FinalsParts {
  readonly store: LeftStore
  readonly logs: FinalsLogs | null
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
  readonly waiting: Waiting
  /** stores what later finals must not be without: gaps, and sessions with what waits for its text */
  readonly storeBefore: () => Promise<void>
  /** the store has all finals that there are */
  readonly idle: () => void
  /** makes the two lanes: nothing is written any more once the claim is lost */
  readonly lane: (hasWork: () => boolean, write: () => Promise<void>) => Lane
  /** the segment is kept; only now may anybody be told */
  readonly tell: (segment: Segment) => void
}

/**
 * Keeps final segments in the log on this host's disk and in the store.
 * K1 Either makes them durable. K2 While the store is away, memory holds the first 2 000 and the log all that come then, so that the disk
 * is the bound. Back again, the store gets them in their order. K3 While the disk refuses, memory is the log: 20 000, then the oldest go,
 * counted. The disk is tried again with each final, a log that could not be opened every 30 s; what memory has goes there first, so that no
 * text is durable before one that came earlier. K4 Each fault is told once, and its end.
 * What a final must not be without goes with it to the log, and before it to the store; the log is emptied when the store has all of either.
 * K5 What the log alone had and does not give back is counted with what was given up. K6 What an earlier bot left in the log is stored at the
 * start, but for what the store has by now from the service's result (`retold`).
 */
export class FinalsKeeper {
  readonly #parts: FinalsParts
  readonly #logged: Lane
  readonly #stored: Lane
  #log: FinalsLog | null = null
  #openedAtMs = Number.NEGATIVE_INFINITY
  /** what earlier bots left in a log that could be opened only late */
  #left: FinalsLog['left'] = []
  /** not in the store, and here to be given to it */
  #segments: Segment[] = []
  #unlogged: Segment[] = []
  /** what the disk has refused, and memory has: it goes there before anything else */
  #owed: readonly Segment[] = []
  /** on their way to the log */
  #logging: readonly Segment[] | null = null
  /** batches of spans on their way to the log */
  #spilling = 0
  #spill: Spill | null = null
  /** not durable yet, so nobody knows of them */
  readonly #untold = new Set<Segment>()
  #givenUp = 0
  #isDiskRefusing = false

  constructor(parts: FinalsParts) {
    this.#parts = parts
    this.#logged = parts.lane(
      () => this.#unlogged.length > 0,
      () => this.#writeLog(),
    )
    this.#stored = parts.lane(
      () => this.#left.length + this.#segments.length > 0 || this.#isSpillReadable(),
      () => this.#writeStore(),
    )
  }

  /** Whether the store has all finals that there are. */
  get isIdle(): boolean {
    return this.#segments.length === 0 && this.#spill === null
  }

  /** Whether the disk can hold what the store is to get. */
  get canSpill(): boolean {
    return this.#log?.replay !== undefined && !this.#isDiskRefusing
  }

  /**
   * Opens the log and stores what an earlier bot of this meeting left in it.
   * @throws what the store throws; without a disk there is no log, which is told in the log of this process
   */
  async open(): Promise<void> {
    await this.#openLog()
    if (!this.#log) return
    try {
      while (this.#left.length > 0) await this.#storeLeft(this.#left)
    } catch (thrown) {
      await this.#log.close(true)
      throw thrown
    }
  }

  add(segments: readonly Segment[]): void {
    if (segments.length === 0) return
    for (const segment of segments) this.#untold.add(segment)
    if (this.#spill || (this.canSpill && this.#segments.length + segments.length > MEMORY_SEGMENTS)) {
      this.#beginSpill().segments += segments.length
    } else this.#hold(segments)
    if (this.#parts.logs) this.#unlogged.push(...segments)
    this.#logged.soon(0)
    this.#stored.soon(this.#log ? STORE_AFTER_MS : 0)
  }

  /** Spans that memory has no room for go where the segments go. @returns whether the log has them now */
  async spillSpans(limit: number): Promise<boolean> {
    const { logger } = this.#parts
    const { spans } = this.#parts.waiting
    const log = this.#log
    if (!log || !this.canSpill) return false
    const taken = spans.first(limit)
    // before the log has them: it must not be emptied right after it has
    this.#beginSpill()
    this.#spilling++
    try {
      await log.append({ segments: [], spans: taken })
    } catch (thrown) {
      this.#spilling--
      this.#diskRefused(thrown)
      this.#endSpill()
      return false
    }
    this.#spilling--
    spans.remove(taken)
    this.#stored.soon(STORE_AFTER_MS)
    logger.warn({ spans: taken.length }, 'the store is away: spans wait on the disk')
    return true
  }

  /** Gives the store everything; resolves when it has it, or when nothing may be written any more. */
  async flush(): Promise<void> {
    if (this.#spill) await atMost(this.#parts.clock, LOG_CLOSE_MS, this.#logged.flush())
    await this.#stored.flush()
  }

  /**
   * Ends it, after the lanes may not begin anything.
   * @param isPurged the meeting is, and its texts with it: none stays on this disk, or is missed
   * @returns how many segments the store does not have
   */
  async close(isPurged = false): Promise<number> {
    this.#logged.close()
    this.#stored.close()
    const waiting = this.#segments.length + (this.#spill?.segments ?? 0)
    const isKept = !isPurged && (!this.isIdle || this.#left.length > 0 || this.#parts.waiting.isLogOnly)
    const closing = this.#log?.close(isKept).catch((thrown: unknown) => {
      this.#parts.logger.warn({ err: toError(thrown) }, 'log of finals could not be closed')
    })
    if (closing) await atMost(this.#parts.clock, LOG_CLOSE_MS, closing)
    return isPurged ? 0 : waiting + this.#givenUp
  }

  async #openLog(): Promise<void> {
    const { logs, claim, clock } = this.#parts
    if (this.#log || !logs || clock.monotonicMs() - this.#openedAtMs < REOPEN_MS) return
    this.#openedAtMs = clock.monotonicMs()
    try {
      this.#log = await logs.open(claim)
      this.#left = this.#log.left
    } catch (thrown) {
      this.#diskRefused(thrown)
    }
  }

  async #storeLeft([first, ...rest]: FinalsLog['left']): Promise<void> {
    const { store, claim, logger } = this.#parts
    if (first) {
      const stored = await storeLeft(store, claim, first)
      if (stored > 0) logger.warn({ segments: stored }, 'finals left by an earlier bot stored')
    }
    this.#left = rest
    if (rest.length === 0) await this.#log?.forgetLeft()
  }

  /** Segments of a log that refuses are in memory, or come back to it. */
  async #writeLog(): Promise<void> {
    let segments: readonly Segment[] = [...this.#owed, ...this.#unlogged]
    this.#unlogged = []
    this.#logging = segments
    try {
      await this.#openLog()
      while (this.#log && segments.length > 0) {
        await this.#append(this.#log, segments.slice(0, CHUNK), segments.length <= CHUNK)
        segments = segments.slice(CHUNK)
      }
    } catch (thrown) {
      this.#diskRefused(thrown)
      this.#takeBack(segments)
    } finally {
      this.#logging = null
    }
    const refused = new Set(segments)
    this.#owed = refused.size === 0 ? [] : this.#segments.filter((segment) => refused.has(segment))
    this.#endSpill()
    this.#stored.soon(0)
  }

  async #append(log: FinalsLog, segments: readonly Segment[], isLast: boolean): Promise<void> {
    const beside = this.#parts.waiting.unlogged(isLast)
    await log.append({ segments, ...beside })
    this.#parts.waiting.logged(beside)
    this.#diskTook()
    this.#tell(segments)
  }

  /** What was meant for the log alone. */
  #takeBack(segments: readonly Segment[]): void {
    const held = new Set(this.#segments)
    const back = segments.filter((segment) => this.#untold.has(segment) && !held.has(segment))
    if (this.#spill) {
      this.#spill.segments = Math.max(0, this.#spill.segments - back.length)
      // the log gets them later, as what it is owed
      for (const { id } of back) this.#spill.elsewhere.add(id)
    }
    this.#hold(back)
  }

  /** One round: what is oldest is taken away only after it is stored. */
  async #writeStore(): Promise<void> {
    const { store, claim, waiting, storeBefore } = this.#parts
    if (this.#left.length > 0) return this.#storeLeft(this.#left)
    const batch = this.#segments.slice(0, CHUNK)
    if (batch.length === 0) return this.#writeSpilled()
    await storeBefore()
    const spans = waiting.spans.first(waiting.spans.size)
    await store.appendSegments(claim, batch, spans)
    waiting.spans.remove(spans)
    // some may have been given up meanwhile
    const isStored = new Set(batch)
    this.#segments = this.#segments.filter((segment) => !isStored.has(segment))
    this.#tell(batch)
    if (!this.isIdle) return
    this.#unlogged = []
    this.#owed = []
    this.#emptyLog()
    this.#parts.idle()
  }

  async #writeSpilled(): Promise<void> {
    const { store, claim, waiting, storeBefore } = this.#parts
    const replay = this.#log?.replay
    const spill = this.#spill
    if (!replay || !spill) return
    const { batches, next } = await replay.read(spill.from, CHUNK)
    const segments = batches.flatMap((batch) => batch.segments)
    if (batches.length > 0) {
      await storeBefore()
      // memory may have had no room for them
      const gaps = batches.flatMap((batch) => batch.gaps ?? [])
      if (gaps.length > 0) await store.appendGaps(claim, gaps)
      const spans = waiting.spans.first(waiting.spans.size)
      await store.appendSegments(claim, segments, [...batches.flatMap((batch) => batch.spans), ...spans])
      waiting.spans.remove(spans)
    }
    spill.from = next
    spill.segments = Math.max(0, spill.segments - segments.filter(({ id }) => !spill.elsewhere.has(id)).length)
    this.#endSpill()
    if (this.isIdle) this.#emptyLog()
  }

  /** Nothing is cut off that the store does not have, or that comes to the log meanwhile. */
  #emptyLog(): void {
    if (!this.#logging && !this.#parts.waiting.isLogOnly) this.#log?.stored()
  }

  #isSpillReadable(): boolean {
    return this.#spill !== null && this.#spill.from < (this.#log?.replay?.end ?? 0)
  }

  /** What is on its way to the log is read again with what follows: the store knows each once. */
  #beginSpill(): Spill {
    this.#spill ??= {
      from: this.#log?.replay?.end ?? 0,
      segments: 0,
      elsewhere: new Set([...(this.#logging ?? this.#owed), ...this.#unlogged].map(({ id }) => id)),
    }
    return this.#spill
  }

  /** Over once the store has all that the log gives, and nothing is on its way there. */
  #endSpill(): void {
    const spill = this.#spill
    if (!spill || this.#logging || this.#spilling > 0 || this.#unlogged.length > 0 || this.#isSpillReadable()) return
    this.#spill = null
    this.#givenUp += spill.segments
    if (spill.segments > 0) this.#parts.logger.error({ segments: spill.segments }, 'finals that only the log had are lost on this disk')
    if (this.isIdle) this.#parts.idle()
  }

  #hold(segments: readonly Segment[]): void {
    this.#segments.push(...segments)
    const excess = this.#segments.length - MAX_WAITING
    if (excess <= 0) return
    const gone = new Set(this.#segments.splice(0, excess))
    this.#unlogged = this.#unlogged.filter((segment) => !gone.has(segment))
    this.#owed = this.#owed.filter((segment) => !gone.has(segment))
    for (const segment of gone) this.#untold.delete(segment)
    if (this.#givenUp === 0) this.#parts.logger.error({ segments: excess }, 'neither store nor disk take finals: the oldest are given up')
    this.#givenUp += excess
  }

  #tell(segments: readonly Segment[]): void {
    for (const segment of segments) if (this.#untold.delete(segment)) this.#parts.tell(segment)
  }

  #diskRefused(thrown: unknown): void {
    if (this.#isDiskRefusing) return
    this.#isDiskRefusing = true
    this.#parts.logger.warn({ err: toError(thrown) }, 'finals cannot be logged on this disk: they wait in memory for the store')
  }

  #diskTook(): void {
    if (!this.#isDiskRefusing) return
    this.#isDiskRefusing = false
    this.#parts.logger.info({}, 'finals are logged on this disk again')
  }
}
