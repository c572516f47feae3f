import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { utteranceKey, type LivePartial, type PartialFeed } from '../../records/partials.js'
import {
  FINAL_STATES,
  type FeedEvent,
  type FeedPosition,
  type MeetingRecord,
  type MeetingStore,
  type StoredSegment,
  type StuckStep,
} from '../../records/port.js'
import { ActivityBoard } from './activity.js'

/** Where the events of a reader go. */
export interface LiveSink {
  /** bytes that the reader has not taken yet */
  readonly backlog: number
  /** @param chunk shared by all readers: not to be changed */
  write(chunk: Buffer): void
  /** Resolves when the reader has taken most of it, or is gone. */
  drained(): Promise<void>
  /** The stream is over. */
  close(): void
}

/** What a channel needs. */
export interface ChannelParts {
  readonly store: Pick<MeetingStore, 'meeting' | 'meetingWithStep' | 'segments' | 'numberedGaps' | 'feedPosition' | 'subscribe'>
  readonly partials: Pick<PartialFeed, 'subscribe' | 'subscribeActivity'>
  /** the data of events */
  readonly shown: {
    readonly state: (meeting: MeetingRecord, stuck: StuckStep | null) => object
    readonly segment: (segment: StoredSegment, meeting: MeetingRecord) => object
    readonly gap: (gap: Extract<FeedEvent, { kind: 'gap' }>['gap']) => object
  }
  readonly clock: Clock
  readonly logger: Logger
  readonly scope: Scope
}

interface Entry {
  readonly seq?: number
  readonly gap?: number
  readonly event: string
}

interface Reader {
  readonly sink: LiveSink
  seq: number
  gap: number
  /** who speaks, as it was told last */
  activity: Buffer | null
  /** false while it reads what is stored */
  isLive: boolean
  isGone: boolean
}

/** Events kept for readers that are reading up to them. */
const LOG_LENGTH = 2000
const PAGE = 200
/** Partials, and who speaks, go out together, so far apart. */
const PARTIALS_MS = 150
/** and by so much further for each reader: a write costs 0.1 ms, and a thousand readers get them twice a second */
const PARTIALS_READER_MS = 0.5
/** A partial that nobody has renewed is over: whoever told it has died. */
const PARTIAL_AGE_MS = 30_000
const MOST_PARTIALS = 256
/** The meeting itself (who is there) is looked at again. */
const LOOK_MS = 2000
/** A reader that is further behind is not told partials, and what is stored only as fast as it takes it; */
const CALM_BYTES = 256 * 1024
/** one that follows and is this far behind is let go of: it comes back with the id of its last event. */
const MOST_BYTES = 4 * 1024 * 1024

const block = (event: string, body: object): string => `event: ${event}\ndata: ${JSON.stringify(body)}\n\n`

/**
 * The feed of one meeting for any number of readers: one subscription, one text for each event.
 * H1 Each segment and gap reaches each reader once, in order of number, from the place on that it gave. H2 Ids say how far a reader has
 * read of both. H3 A reader that catches up reads pages of the store until it meets the log of this channel; nothing is told in between.
 * H4 Partials are for those who keep up. H5 `end` comes after everything that is stored. H6 Who speaks and who waits is told to those who
 * keep up when it has changed, and to whoever begins to; it has no id, and nobody is told twice.
 */
export class LiveChannel {
  readonly #id: MeetingId
  readonly #parts: ChannelParts
  readonly #readers = new Set<Reader>()
  readonly #partials = new Map<string, { readonly partial: LivePartial; readonly atMs: number }>()
  readonly #fresh = new Map<string, LivePartial>()
  readonly #activity = new ActivityBoard()
  readonly #stops: (() => void)[] = []
  #log: Entry[] = []
  /** everything above it is in the log */
  #floor: FeedPosition = { seq: 0, gap: 0 }
  #at: FeedPosition = { seq: 0, gap: 0 }
  #meeting: MeetingRecord
  #state = ''
  /** when partials went out last */
  #partialsMs = Number.NEGATIVE_INFINITY
  #isLooking = false
  #isStale = false
  #isOver = false

  private constructor(meeting: MeetingRecord, parts: ChannelParts) {
    this.#id = meeting.id
    this.#meeting = meeting
    this.#parts = parts
  }

  /** @throws NotFoundError, UpstreamError */
  static async open(id: MeetingId, parts: ChannelParts): Promise<LiveChannel> {
    const channel = new LiveChannel(await parts.store.meeting(id), parts)
    channel.#floor = await parts.store.feedPosition(id)
    channel.#at = channel.#floor
    channel.#begin()
    return channel
  }

  get readers(): number {
    return this.#readers.size
  }

  /**
   * Adds a reader.
   * @param after what it has read already; what lies beyond everything stored counts as everything
   * @returns takes it away again
   */
  add(sink: LiveSink, after: FeedPosition): () => void {
    const reader: Reader = {
      sink,
      ...after,
      activity: null,
      isLive: false,
      isGone: false,
    }
    this.#readers.add(reader)
    this.#parts.scope.run('live reader', async () => {
      try {
        await this.#catchUp(reader)
      } catch (thrown) {
        this.#parts.logger.warn({ meeting: this.#id, err: toError(thrown) }, 'live reader could not be told what is stored')
        this.#drop(reader)
      }
    })
    return () => {
      reader.isGone = true
      this.#readers.delete(reader)
    }
  }

  /** A sign of life for those in between. */
  ping(): void {
    for (const reader of this.#readers) if (reader.isLive) reader.sink.write(PING)
  }

  /** Ends every stream without an end: readers come back, here or elsewhere. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const reader of this.#readers) this.#drop(reader)
  }

  #begin(): void {
    const { store, partials, clock } = this.#parts
    this.#stops.push(
      store.subscribe(this.#id, (event) => this.#told(event), this.#floor),
      partials.subscribe(this.#id, (told) => this.#heard(told)),
      partials.subscribeActivity(this.#id, (told) => this.#activity.heard(told, clock.monotonicMs())),
      clock.every(PARTIALS_MS, () => {
        const nowMs = clock.monotonicMs()
        if (nowMs - this.#partialsMs < this.#readers.size * PARTIALS_READER_MS) return
        this.#partialsMs = nowMs
        this.#tellPartials()
        this.#tellActivity(this.#readers)
      }),
      clock.every(LOOK_MS, () => this.#look()),
    )
    this.#look()
  }

  #told(event: FeedEvent): void {
    if (event.kind === 'state') return this.#look()
    if (event.kind === 'gap') {
      if (event.n <= this.#at.gap) return
      this.#at = { ...this.#at, gap: event.n }
      return this.#keep({ gap: event.n, event: block('gap', this.#parts.shown.gap(event.gap)) })
    }
    const { segment } = event
    if (segment.seq <= this.#at.seq) return
    this.#at = { ...this.#at, seq: segment.seq }
    const utterance = utteranceKey(segment)
    this.#partials.delete(utterance)
    this.#fresh.delete(utterance)
    // whoever spoke may have come since the meeting was looked at
    if (segment.identity !== null && !this.#meeting.participants.some(({ identity }) => identity === segment.identity)) this.#look()
    this.#keep({ seq: segment.seq, event: block('segment', this.#parts.shown.segment(segment, this.#meeting)) })
  }

  #keep(entry: Entry): void {
    this.#log.push(entry)
    const oldest = this.#log.length > LOG_LENGTH ? this.#log.shift() : undefined
    if (oldest) this.#floor = { seq: oldest.seq ?? this.#floor.seq, gap: oldest.gap ?? this.#floor.gap }
    // readers that are live stand at the same place, nearly always
    const shared = { at: '', chunk: Buffer.alloc(0) }
    for (const reader of this.#readers) if (reader.isLive) this.#tell(reader, entry, shared)
  }

  #tell(reader: Reader, entry: Entry, shared?: { at: string; chunk: Buffer }): void {
    if (entry.seq !== undefined) {
      if (entry.seq <= reader.seq) return
      reader.seq = entry.seq
    }
    if (entry.gap !== undefined) {
      if (entry.gap <= reader.gap) return
      reader.gap = entry.gap
    }
    const at = `${reader.seq}.${reader.gap}`
    const chunk = shared?.at === at ? shared.chunk : Buffer.from(`id: ${at}\n${entry.event}`)
    if (shared) Object.assign(shared, { at, chunk })
    this.#write(reader, chunk)
  }

  #write(reader: Reader, chunk: Buffer): void {
    if (reader.isGone) return
    if (reader.isLive && reader.sink.backlog > MOST_BYTES) {
      this.#parts.logger.warn({ meeting: this.#id }, 'live reader takes nothing: it is let go of')
      return this.#drop(reader)
    }
    reader.sink.write(chunk)
  }

  #drop(reader: Reader): void {
    reader.isGone = true
    this.#readers.delete(reader)
    reader.sink.close()
  }

  async #catchUp(reader: Reader): Promise<void> {
    if (reader.seq > this.#at.seq || reader.gap > this.#at.gap) {
      // it was told elsewhere what has not come here yet, or its place is none of this store
      const stored = await this.#parts.store.feedPosition(this.#id)
      reader.seq = Math.min(reader.seq, Math.max(stored.seq, this.#at.seq))
      reader.gap = Math.min(reader.gap, Math.max(stored.gap, this.#at.gap))
    }
    const state = this.#state
    if (state !== '') this.#write(reader, Buffer.from(state))
    do {
      await this.#readStored(reader)
      if (reader.isGone) return
    } while (!(await this.#readLog(reader)))
    // from here on nothing waits: whatever is told next, this reader is told
    if (reader.isGone) return
    reader.isLive = true
    if (this.#state !== state) this.#write(reader, Buffer.from(this.#state))
    for (const { partial } of this.#partials.values()) this.#write(reader, Buffer.from(block('partial', partial)))
    this.#tellActivity([reader])
    if (this.#isOver) this.#end(reader)
  }

  /** Tells what lies below the log, a page at a time, as fast as the reader takes it. */
  async #readStored(reader: Reader): Promise<void> {
    const { store, shown } = this.#parts
    while (!reader.isGone && reader.seq < this.#floor.seq) {
      const page = await store.segments(this.#id, reader.seq, PAGE)
      for (const segment of page) {
        this.#tell(reader, { seq: segment.seq, event: block('segment', shown.segment(segment, this.#meeting)) })
        if (reader.sink.backlog > CALM_BYTES) await reader.sink.drained()
        if (reader.isGone) return
      }
      // numbers have no holes, but a store that lost some must not keep the reader here
      if (page.length < PAGE) reader.seq = Math.max(reader.seq, this.#floor.seq)
    }
    const { gap: floor } = this.#floor
    if (reader.isGone || reader.gap >= floor) return
    for (const { n, gap } of await store.numberedGaps(this.#id, reader.gap)) {
      this.#tell(reader, { gap: n, event: block('gap', shown.gap(gap)) })
    }
    reader.gap = Math.max(reader.gap, floor)
  }

  /** Tells what the log has. @returns false when it has moved on meanwhile: there may be more, here or below it */
  async #readLog(reader: Reader): Promise<boolean> {
    if (reader.seq < this.#floor.seq || reader.gap < this.#floor.gap) return false
    for (const entry of this.#log) {
      this.#tell(reader, entry)
      if (reader.sink.backlog <= CALM_BYTES) continue
      await reader.sink.drained()
      return reader.isGone
    }
    return true
  }

  /** Looks at the meeting: one look at a time, and one more for what came meanwhile. */
  #look(): void {
    this.#isStale = true
    const { scope, logger } = this.#parts
    if (this.#isLooking || this.#isOver || scope.signal.aborted) return
    this.#isLooking = true
    scope.run('live meeting', async () => {
      try {
        while (this.#isStale && !scope.signal.aborted) {
          this.#isStale = false
          await this.#lookOnce()
        }
      } catch (thrown) {
        // deleted, or the store is away: the next look tells
        logger.debug({ meeting: this.#id, err: toError(thrown) }, 'live meeting could not be read')
      } finally {
        this.#isLooking = false
      }
    })
  }

  async #lookOnce(): Promise<void> {
    const { store, shown } = this.#parts
    const { meeting, stuck } = await store.meetingWithStep(this.#id)
    this.#meeting = meeting
    if (meeting.deletedAt !== null) return this.close()
    const state = block('state', shown.state(meeting, stuck))
    if (state !== this.#state) {
      this.#state = state
      this.#all(Buffer.from(state))
    }
    if (!FINAL_STATES.includes(this.#meeting.state)) return
    await this.#readRest()
    this.#isOver = true
    this.#tellPartials()
    for (const reader of this.#readers) if (reader.isLive) this.#end(reader)
  }

  /** What is stored and was not announced yet. */
  async #readRest(): Promise<void> {
    const { store } = this.#parts
    for (;;) {
      const page = await store.segments(this.#id, this.#at.seq, PAGE)
      for (const segment of page) this.#told({ kind: 'segment', segment })
      if (page.length < PAGE) break
    }
    for (const { n, gap } of await store.numberedGaps(this.#id, this.#at.gap)) this.#told({ kind: 'gap', gap, n })
  }

  #end(reader: Reader): void {
    const { state, reason } = this.#meeting
    this.#write(reader, Buffer.from(block('end', { state, reason })))
    this.#drop(reader)
  }

  #heard(told: readonly LivePartial[]): void {
    const atMs = this.#parts.clock.monotonicMs()
    for (const partial of told) {
      this.#partials.delete(partial.id)
      if (partial.text !== '') this.#partials.set(partial.id, { partial, atMs })
      this.#fresh.set(partial.id, partial)
    }
    for (const oldest of this.#partials.keys()) {
      if (this.#partials.size <= MOST_PARTIALS) break
      this.#partials.delete(oldest)
    }
  }

  #tellPartials(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const [id, { partial, atMs }] of this.#partials) {
      if (nowMs - atMs < PARTIAL_AGE_MS) break
      this.#partials.delete(id)
      this.#fresh.set(id, { ...partial, text: '' })
    }
    if (this.#fresh.size === 0) return
    const chunk = Buffer.from([...this.#fresh.values()].map((partial) => block('partial', partial)).join(''))
    this.#fresh.clear()
    for (const reader of this.#readers) if (reader.isLive && reader.sink.backlog < CALM_BYTES) this.#write(reader, chunk)
  }

  #tellActivity(readers: Iterable<Reader>): void {
    const present = this.#activity.present(this.#parts.clock.monotonicMs())
    if (present === null || this.#isOver) return
    for (const reader of readers) {
      if (!reader.isLive || reader.activity === present || reader.sink.backlog >= CALM_BYTES) continue
      reader.activity = present
      this.#write(reader, present)
    }
  }

  #all(chunk: Buffer): void {
    for (const reader of this.#readers) if (reader.isLive) this.#write(reader, chunk)
  }
}

const PING = Buffer.from(': still here\n\n')
