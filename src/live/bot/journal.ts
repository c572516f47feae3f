import { toError, type ClaimLoss } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { within } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, FinalsLogs, MeetingStore, ParticipantRecord, SessionRecord } from '../../records/port.js'
import type { Gap, Span } from '../audio/span.js'
import type { Segment } from '../transcript/segment.js'
import { FRAMES_PER_MS } from '../transcript/span-index.js'
import { FinalsKeeper } from './finals-keeper.js'
import { Lane } from './lane.js'
import type { SessionWrite } from './waiting-sessions.js'
import { Waiting } from './waiting.js'

/** What the journal tells. */
export interface JournalEvents {
  /** the segment is kept, in the log or in the store, whichever was first; only now may anybody be told */
  stored(segment: Segment): void
  gapStored(gap: Gap): void
  /** nothing more is written */
  claimLost(loss: ClaimLoss): void
}

const SESSIONS_MS = 5_000
/** Spans alone, and gaps, are stored so soon: what the service returns of a bot that died, beyond the spans that are stored, is nobody's. */
const SPANS_MS = 1_000
/** What four channels speak in that time. More waits where a session begins with what waited for one, sent all at once: it is stored at once too. */
const MUCH_FRAMES = 4 * SPANS_MS * FRAMES_PER_MS
/** so that what one tick sends goes in one write */
const AT_ONCE_MS = 1
/** Who is there is stored so soon: whoever watches sees them come and go. Who comes at once is written at once. */
const PEOPLE_MS = 250
/** Spans in memory while the store is away: about 5 MB. Beyond it they wait on the disk with the finals, or the oldest go, told. */
const MAX_SPANS = 20_000
/** Gaps in memory while the store is away; beyond it the oldest go, told. The receipt counts them all. */
const MAX_GAPS = 20_000
/** Handing in what is left waits no longer. */
const HAND_IN_MS = 5_000
/** The store is given so many at a time. */
const CHUNK = 2_000

/**
 * Writes what a meeting yields, in lanes of one write at a time each that do not wait for one another.
 * J1 Finals go to a log on this host's disk at once, and right after it to the store, both times with all that is to be known before them:
 *    spans and gaps that wait, and which sessions there are, with what waits for its text there. Either makes them durable; a log that fails
 *    or hangs costs nothing but time. J2 The store is asked until it takes them or the journal is closed; what it has not taken by then
 *    stays in the log. J3 Spans alone and gaps are stored within a second, and at once when more than 4 s of sound wait; so is that there is a
 *    session, its id at the service, and what waits for its text; people within a quarter of one. How far a session came, and how it ended, is
 *    stored within five, and after the finals before it: it says that they are there. J4 A store that is away ends no meeting: what waits is
 *    bounded in memory, and the disk holds the rest (`finals-keeper`). J5 Whose claim was taken hands in, last of all, whose words it heard, and
 *    nothing else: that is a fact, and whoever brings in their texts, from the service or from audio on the disk, has the names then.
 */
export class Journal {
  readonly #store: MeetingStore
  readonly #claim: Claim
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #events: JournalEvents
  readonly #waiting = new Waiting()
  readonly #finals: FinalsKeeper
  readonly #rest: Lane
  readonly #abort = new AbortController()
  #participants: readonly ParticipantRecord[] | null = null
  #sessionWrites: Promise<void> = Promise.resolve()
  #isOverflowTold = false
  #isSpilling = false
  #lost: ClaimLoss | null = null

  /** @param options without `logs` finals are durable when the store has them */
  constructor(
    options: { store: MeetingStore; logs?: FinalsLogs | null; claim: Claim; clock: Clock; logger: Logger; random: () => number },
    events: JournalEvents,
  ) {
    this.#store = options.store
    this.#claim = options.claim
    this.#clock = options.clock
    this.#logger = options.logger
    this.#events = events
    const lane = (hasWork: () => boolean, write: () => Promise<void>) =>
      new Lane({
        ...options,
        signal: this.#abort.signal,
        hasWork: () => this.#lost === null && hasWork(),
        write,
        onClaimLost: (loss) => this.#loseClaim(loss),
      })
    this.#finals = new FinalsKeeper({
      ...options,
      logs: options.logs ?? null,
      waiting: this.#waiting,
      storeBefore: () => this.#writeBefore(),
      idle: () => this.#sessionsSoon(),
      lane,
      tell: (segment) => this.#events.stored(segment),
    })
    this.#rest = lane(
      () => {
        const { spans, gaps, sessions } = this.#waiting
        return (
          spans.size + gaps.size > 0 || this.#participants !== null || (this.#finals.isIdle ? sessions.size : sessions.before().length) > 0
        )
      },
      () => this.#writeRest(),
    )
  }

  /**
   * Opens the log and stores what an earlier bot of this meeting left in it. Call once, before anything else is written.
   * @throws what the store throws; without a disk there is no log, which is told in the log of this process
   */
  open(): Promise<void> {
    return this.#finals.open()
  }

  segments(segments: readonly Segment[]): void {
    this.#finals.add(segments)
  }

  gap(gap: Gap): void {
    if (!this.#waiting.gaps.put(gap, MAX_GAPS)) this.#tellOverflow('gaps')
    this.#rest.soon(SPANS_MS)
  }

  span(span: Span): void {
    const { spans } = this.#waiting
    spans.put(span)
    if (spans.size > MAX_SPANS) this.#makeRoom()
    this.#rest.soon(spans.isLongerThan(MUCH_FRAMES) ? AT_ONCE_MS : SPANS_MS)
  }

  session(session: SessionRecord): void {
    this.#waiting.sessions.put(session)
    this.#sessionsSoon()
  }

  participants(participants: readonly ParticipantRecord[]): void {
    this.#participants = participants
    this.#rest.soon(PEOPLE_MS)
  }

  /** Writes everything that waits; resolves when it is durable or when the claim is lost. */
  async flush(): Promise<void> {
    await Promise.all([this.#finals.flush(), this.#rest.flush()])
    // sessions come after the finals
    await this.#rest.flush()
  }

  /** @param until ms, or what aborts: then what waits is given up. @returns how many segments could not be stored */
  async close(until: number | AbortSignal): Promise<number> {
    const giveUp = () => this.#abort.abort(new Error('the store did not answer in time'))
    const cancel = typeof until === 'number' ? this.#clock.after(until, giveUp) : () => until.removeEventListener('abort', giveUp)
    if (typeof until !== 'number') until.addEventListener('abort', giveUp, { once: true })
    try {
      await this.flush()
    } finally {
      cancel()
      this.#rest.close()
    }
    if (this.#lost === 'taken') await this.#handIn()
    return this.#finals.close(this.#lost === 'purged')
  }

  async #handIn(): Promise<void> {
    const { spans } = this.#waiting
    if (spans.size === 0) return
    try {
      const handed = this.#store.adopt(this.#claim, { segments: [], spans: spans.first(spans.size) })
      await within(this.#clock, HAND_IN_MS, handed, () => new Error('the store does not answer'))
    } catch (thrown) {
      this.#logger.warn({ err: toError(thrown), spans: spans.size }, 'whose words they were could not be handed in')
    }
  }

  #sessionsSoon(): void {
    const { sessions } = this.#waiting
    if (sessions.size > 0) this.#rest.soon(sessions.before().length > 0 ? SPANS_MS : SESSIONS_MS)
  }

  #loseClaim(loss: ClaimLoss): void {
    if (this.#lost !== null) return
    this.#lost = loss
    this.#events.claimLost(loss)
  }

  #makeRoom(): void {
    if (this.#finals.canSpill) {
      if (this.#isSpilling) return
      this.#isSpilling = true
      void this.#finals.spillSpans(MAX_SPANS / 2).then(() => {
        this.#isSpilling = false
      })
      return
    }
    const { spans } = this.#waiting
    spans.drop(spans.first(spans.size - MAX_SPANS))
    this.#tellOverflow('spans')
  }

  #tellOverflow(what: string): void {
    if (this.#isOverflowTold) return
    this.#isOverflowTold = true
    this.#logger.error({ what }, 'the store has been away for too long: the oldest of what waits are given up')
  }

  async #writeRest(): Promise<void> {
    // what comes meanwhile may rest on gaps that come meanwhile
    const sessions = this.#finals.isIdle ? this.#waiting.sessions.whole() : this.#waiting.sessions.before()
    const { spans } = this.#waiting
    while (spans.size > 0) if ((await this.#writeSpans()) < CHUNK) break
    await this.#writeGaps()
    if (this.#participants) {
      const people = this.#participants
      await this.#store.saveParticipants(this.#claim, people)
      if (this.#participants === people) this.#participants = null
    }
    for (const session of sessions) await this.#writeSession(session)
  }

  /** What the finals that are stored next must not be without. */
  async #writeBefore(): Promise<void> {
    const sessions = this.#waiting.sessions.before()
    const { spans } = this.#waiting
    while (spans.size > CHUNK) await this.#writeSpans()
    await this.#writeGaps()
    for (const session of sessions) await this.#writeSession(session)
  }

  /** @returns how many */
  async #writeSpans(): Promise<number> {
    const spans = this.#waiting.spans.first(CHUNK)
    await this.#store.saveSpans(this.#claim, spans)
    this.#waiting.spans.remove(spans)
    return spans.length
  }

  async #writeGaps(): Promise<void> {
    const { gaps } = this.#waiting
    while (gaps.size > 0) {
      this.#abort.signal.throwIfAborted()
      const batch = gaps.first(CHUNK)
      await this.#store.appendGaps(this.#claim, batch)
      // the other lane may have been first
      for (const gap of gaps.remove(batch)) this.#events.gapStored(gap)
    }
  }

  /** One at a time, whichever lane asks: no version comes after a newer one. */
  #writeSession(version: SessionWrite): Promise<void> {
    const { sessions } = this.#waiting
    const write = this.#sessionWrites.then(async () => {
      this.#abort.signal.throwIfAborted()
      if (sessions.isOld(version)) return
      await this.#store.saveSession(this.#claim, version.session)
      sessions.stored(version)
    })
    this.#sessionWrites = write.catch(() => undefined)
    return write
  }
}
