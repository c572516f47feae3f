import { deferred } from '../../core/deferred.js'
import { NotFoundError, toError } from '../../core/errors.js'
import type { Identity, MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import { within } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingStore } from '../../records/port.js'
import type { Gap } from '../audio/span.js'
import { USUAL_HELD_BACK_MS, type RoomEndReason } from '../room/port.js'
import { Inheritance, type Left, type Standing, type Tenure } from './inheritance.js'
import { lastHeard, lastHeardUnder, type LastHeard } from './last-heard.js'
import type { People } from './people.js'
import { fateOfBefore, type Fate } from './predecessor.js'

/** Who was in the room before a takeover and speaks is heard within this of the join. */
const SETTLE_MS = 2_500
/** Takes turns with somebody else of its name: after so many in a row it leaves the room to the other one. */
const MAX_RIVALS = 5
const RIVAL_WINDOW_MS = 60_000
/** The store is asked so often whose the meeting is; without an answer the claim is taken to stand, for every write asks again. */
const MAX_ASKED = 30
const ASK_AGAIN_MS = 1_000
/** The bot before says within this, and is asked so often, until when it has heard; it stops hearing as soon as this one is in the room. */
const LEFT_WITHIN_MS = 1_000
const LEFT_LOOK_MS = 40

/** What a handover works with. */
export interface HandoverParts {
  readonly tenure: Tenure | null
  readonly store: Pick<MeetingStore, 'meeting' | 'segments' | 'spans' | 'sessions'>
  readonly people: People
  readonly clock: Clock
  readonly logger: Logger
  readonly meetingMs: () => number
  readonly gap: (gap: Gap) => void
  /** makes durable what was told, now. @param then done after it; does not throw */
  readonly keep: (then?: () => Promise<void>) => void
  /** nobody else hears any more: what comes from now on is heard here */
  readonly open: () => void
}

/**
 * A bot's dealings with the bots of other processes: the one before it, the one after it, and any that joins under its name.
 * H1 What nobody heard between two bots is a gap of each person who was there, durable before any text of the new bot is: until it was
 * in the room, or the meeting's end, and from there until the person could be heard; and the last words of who had left before.
 * H4 Of a released meeting nothing is heard here before the bot before says that it hears no more, so that nothing is heard twice.
 * H2 A released meeting is heard here until another bot is in the room: LiveKit then ends this connection for its duplicate identity.
 * H5 Who gave the meeting away, and is taken for dead before everything is stored, may store nothing more: it would stand there twice.
 * H6 A meeting is heard here until the last sound came, not until another bot is known to be in the room: this process may have stood still.
 * H3 Whoever loses the room to a duplicate identity asks the claim: the owner comes back (a bounded number of times), others yield.
 */
export class Handover {
  readonly #parts: HandoverParts
  #inheritance: Inheritance | null = null
  /** since a takeover: when the room was asked for and entered, who is missed since when, and who was heard before it was entered; meeting ms */
  #entry: { fromMs: number; inMs: number | null; readonly missedMs: Map<Identity, number>; readonly heard: Set<Identity> } | null = null
  readonly #written = deferred()
  /** within a second of the entry */
  #entering: Promise<void> = Promise.resolve()
  #cancelSettle: (() => void) | null = null
  readonly #rivalsMs: number[] = []
  /** until when the bot before has heard, as far as it is known, meeting ms */
  #leftMs: number | null = null
  /** it has said so */
  #isLeftKnown = false
  /** until when it was heard here, as long as the next bot could not be told, meeting ms */
  #untoldMs: number | null = null
  /** until when it was heard here, since another bot may be in the room, meeting ms; null: none */
  #outMs: number | null = null
  /** the same, when the room was left for good; null: it was not */
  #goneMs: number | null = null
  /** the meeting has ended before this bot was in its room, where it should have relieved another one */
  #wasNeverIn = false
  #isReleased = false
  #isHandedOver = false
  #living: ReadonlySet<number> = new Set()
  /** claims, by epoch, of bots that gave the meeting away and are taken for dead */
  #dead: readonly number[] = []

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  /** another process may take the meeting; it is heard here until then */
  get isReleased(): boolean {
    return this.#isReleased
  }

  /** another one has it, and the room: what was heard here is brought to text, the meeting is the other one's */
  get isHandedOver(): boolean {
    return this.#isHandedOver
  }

  /** a bot that gave the meeting away is known to be dead */
  get hasDead(): boolean {
    return this.#dead.length > 0
  }

  /** claims, by epoch, of bots that gave the meeting away, and live when this one's meeting ends: what they heard is theirs to bring in */
  get living(): ReadonlySet<number> {
    return this.#living
  }

  /** what was stored of the meeting when this bot took it over; null: it did not */
  get left(): Left | null {
    return this.#inheritance?.left ?? null
  }

  /** the bot before gave the meeting away, and has not said until when it heard: it may be dead */
  get isUnsaid(): boolean {
    return this.#parts.tenure?.isReleased === true && this.#leftMs !== null && !this.#isLeftKnown
  }

  /**
   * The last of everybody whom bots heard that gave the meeting away, and are dead, as far as it may have no text.
   * @param stored by all bots before
   */
  heardBefore(stored: Omit<Left, 'people'>, gaps: readonly Gap[]): LastHeard[] {
    const inheritance = this.#inheritance
    if (!inheritance) return []
    const { people } = inheritance.left
    const others = this.#dead.flatMap((epoch) => lastHeardUnder(epoch, { ...stored, people }, gaps))
    const untilMs = this.#leftMs
    const isNewestAlive = Math.max(0, ...this.#living) > Math.max(0, ...this.#dead) && !this.isUnsaid
    const isFirst = untilMs !== null && this.#parts.tenure?.isReleased === true && !isNewestAlive
    return isFirst ? [...lastHeard(inheritance, untilMs), ...others] : others
  }

  /**
   * What became of the bots before: one that gave the meeting away lives, and brings in its own texts, also when another one has died since.
   * @param enough ends the waiting
   */
  async fate(enough: AbortSignal): Promise<Fate> {
    const { tenure, clock, logger } = this.#parts
    if (!tenure) return 'crashed'
    let wasSettled = true
    const before = async () => {
      const unsettled = await tenure.before()
      wasSettled &&= unsettled.length === 0
      return unsettled
    }
    const unseen = await fateOfBefore({ tenure: { before }, clock, logger }, enough)
    this.#dead = unseen?.dead ?? []
    this.#living = new Set(unseen?.living)
    const isAlive = unseen === null || this.#living.size > 0
    if (tenure.isReleased) {
      await this.#learnLeft(enough)
      return isAlive ? 'alive' : this.hasDead ? 'died' : 'settled'
    }
    // what was read at the takeover is old by then
    return wasSettled || (isAlive && !this.hasDead) ? 'crashed' : 'died'
  }

  /** What those have not stored by now that are taken for dead is brought in here, and by nobody else (H5). @throws UpstreamError */
  async revoke(): Promise<void> {
    await this.#parts.tenure?.revoke(this.#dead)
  }

  /** What was heard here is stored: whoever has the meeting now is told, unless the store is away, which it will take for a death. */
  async settled(): Promise<void> {
    // the store was away then; who settles and has not said it would be taken to have heard until the next bot was there
    if (this.#untoldMs !== null) await this.#sayLeft(this.#untoldMs)
    if (this.#untoldMs === null) await this.#tell(this.#parts.tenure?.settled())
  }

  /**
   * The room is left, or is not entered any more. A bot that has been told to take the meeting, and is not there yet, is told until when it
   * was heard here; one that was never there itself asks the one before, which may have left before the meeting's end.
   * @param heardMs until when it was heard here if the connection stood, meeting ms
   */
  async leaves(heardMs: number): Promise<void> {
    this.#goneMs ??= this.#outMs ?? heardMs
    await this.#tellLeft(this.#goneMs)
    if (this.#wasNeverIn) await this.#learnLeft(new AbortController().signal)
    // what nobody heard before it is written down first
    await this.#entering
  }

  async #tellLeft(goneMs: number): Promise<void> {
    if (this.#isReleased && !this.#isHandedOver) await this.#sayLeft(goneMs)
  }

  async #sayLeft(atMs: number): Promise<void> {
    this.#untoldMs = atMs
    await this.#tell(this.#parts.tenure?.left(atMs).then(() => (this.#untoldMs = null)))
  }

  async #tell(said: Promise<unknown> | undefined): Promise<void> {
    await said?.catch((thrown: unknown) => this.#parts.logger.warn({ err: toError(thrown) }, 'the next bot could not be told'))
  }

  /** @returns false when no other process could take it. @throws ClaimLostError, UpstreamError */
  async release(): Promise<boolean> {
    const { tenure, logger } = this.#parts
    if (!tenure) return false
    if (this.#isReleased) return true
    await tenure.release()
    this.#isReleased = true
    logger.info({}, 'meeting may be taken over')
    // the store may have taken its time
    if (this.#goneMs !== null) await this.#tellLeft(this.#goneMs)
    return true
  }

  /** Reads what the bot before left, and returns what is to be known to go on. */
  async inherit(id: MeetingId): Promise<{ wasLive: boolean; elapsedMs: number }> {
    const { store, people, logger, meetingMs, tenure } = this.#parts
    const [{ state, participants }, segments, spans, sessions] = await Promise.all([
      store.meeting(id),
      store.segments(id),
      store.spans(id),
      store.sessions(id),
    ])
    const nowMs = meetingMs()
    const { silentMs, isReleased } = tenure ?? { silentMs: null, isReleased: false }
    this.#inheritance = new Inheritance({ people: participants, segments, spans, sessions }, { silentMs, isReleased }, nowMs)
    people.inherit(this.#inheritance.people, this.#inheritance.lastSignMs)
    this.#entry = { fromMs: nowMs, inMs: null, missedMs: new Map(), heard: new Set() }
    logger.warn({ silentMs, wasReleased: isReleased, atMs: Math.round(nowMs) }, 'meeting taken over')
    return { wasLive: segments.length > 0 || ['live', 'reconnecting', 'draining'].includes(state), elapsedMs: nowMs }
  }

  /** The room is asked for. */
  asked(): void {
    this.#outMs = null
    if (this.#entry) this.#entry.fromMs = this.#parts.meetingMs()
  }

  /** The bot is in the room, and knows who is there. */
  entered(signal: AbortSignal): Promise<void> {
    return (this.#entering = this.#enter(signal))
  }

  async #enter(signal: AbortSignal): Promise<void> {
    const entry = this.#entry
    if (!entry || entry.inMs !== null || !this.#inheritance) return
    const inMs = this.#parts.meetingMs()
    entry.inMs = inMs
    const here = this.#parts.people.records().filter(({ leftMs }) => leftMs === null)
    const there = new Set([...this.#inheritance.present, ...here.map(({ identity }) => identity)])
    for (const identity of there) if (!entry.heard.has(identity)) entry.missedMs.set(identity, inMs)
    this.#departed(there)
    const inheritance = this.#inheritance
    const fromMs = (await this.#untilLeft(signal)) ?? entry.fromMs
    this.#leftMs = fromMs
    for (const identity of there) this.#hole(identity, inheritance.unheardFrom(identity, fromMs), inMs)
    this.#written.resolve()
    this.#parts.keep()
    this.#parts.open()
    this.#parts.keep(() => this.#tell(this.#parts.tenure?.entered()))
    if (this.#entry) this.#cancelSettle = this.#parts.clock.after(SETTLE_MS, () => this.settle())
  }

  /** Resolves when what nobody heard until this bot was in the room is written down, or will not be. @param signal ends the waiting */
  async written(signal: AbortSignal): Promise<void> {
    const give = () => this.#written.resolve()
    signal.addEventListener('abort', give, { once: true })
    if (signal.aborted) give()
    await this.#written.promise
    signal.removeEventListener('abort', give)
  }

  /** The bot before may have left long before this one was in the room, or the meeting ended: nobody heard in between who was there then. */
  async #learnLeft(signal: AbortSignal): Promise<void> {
    if (this.#isLeftKnown || this.#leftMs === null) return
    const leftMs = await this.#untilLeft(signal)
    if (leftMs === null) return
    const untilMs = this.#leftMs
    this.#leftMs = Math.min(untilMs, leftMs)
    for (const identity of this.#inheritance?.thereAt(leftMs) ?? []) this.#hole(identity, leftMs, untilMs)
  }

  /** Until when the bot before has heard; null when it was not released, or does not say. */
  async #untilLeft(signal: AbortSignal): Promise<number | null> {
    const { tenure, clock, logger } = this.#parts
    if (!tenure?.isReleased) return null
    try {
      for (const endMs = clock.monotonicMs() + LEFT_WITHIN_MS; clock.monotonicMs() < endMs; await clock.sleep(LEFT_LOOK_MS, signal)) {
        // nobody hears meanwhile: a store that stands still is not waited for
        const leftMs = await within(clock, endMs - clock.monotonicMs(), tenure.leftBefore(), () => new Error('the store does not answer'))
        if (leftMs === null) continue
        this.#isLeftKnown = true
        return leftMs
      }
    } catch (thrown) {
      if (!signal.aborted) logger.warn({ err: toError(thrown) }, 'it is not known until when the bot before has heard')
    }
    return null
  }

  /** Somebody could be heard, but for the bot before (H4). */
  came(identity: Identity): void {
    const missedMs = this.#entry?.missedMs
    // what comes first was said before it
    if (missedMs && !missedMs.has(identity)) missedMs.set(identity, Math.max(0, this.#parts.meetingMs() - USUAL_HELD_BACK_MS))
  }

  /**
   * Somebody can be heard, or is gone or muted: what nobody heard of them since the bot was in the room, or since they came, is written down.
   * @returns whether it is
   */
  heard(identity: Identity): boolean {
    const entry = this.#entry
    if (!entry) return false
    entry.heard.add(identity)
    const fromMs = entry.missedMs.get(identity)
    if (fromMs === undefined) return false
    entry.missedMs.delete(identity)
    // before the bot knows who is there nothing is missed of anybody
    if (entry.inMs !== null) this.#hole(identity, fromMs, this.#parts.meetingMs())
    return true
  }

  /** Ends the time in which somebody who is heard for the first time was there unheard; by itself soon after `entered`. */
  settle(): void {
    this.#cancelSettle?.()
    this.#written.resolve()
    const entry = this.#entry
    this.#entry = null
    if (entry?.inMs === null) this.#neverIn(entry.fromMs)
  }

  /** Who had left before the takeover may have spoken last what never came to text. */
  #departed(there: ReadonlySet<Identity>): void {
    const inheritance = this.#inheritance
    for (const { identity, leftMs } of inheritance?.people ?? []) {
      if (!inheritance || leftMs === null || there.has(identity) || inheritance.isKnownSilent(identity, leftMs)) continue
      this.#hole(identity, inheritance.unheardFrom(identity, leftMs), leftMs)
    }
  }

  /** The meeting ends before this bot was in the room: nobody has heard since the bot before. A released one hears to the end itself. */
  #neverIn(askedMs: number): void {
    const inheritance = this.#inheritance
    const endMs = this.#parts.meetingMs()
    if (this.#parts.tenure?.isReleased === true) {
      // unless it has died (see `heardBefore`), or has left before (see `leaves`)
      this.#leftMs = endMs
      this.#wasNeverIn = true
      return
    }
    if (!inheritance) return
    this.#departed(inheritance.present)
    for (const identity of inheritance.present) this.#hole(identity, inheritance.unheardFrom(identity, askedMs), endMs)
  }

  #hole(identity: Identity, fromMs: number, toMs: number): void {
    if (toMs > fromMs) this.#parts.gap({ identity, fromMs: Math.floor(fromMs), toMs: Math.ceil(toMs), reason: 'taken_over' })
  }

  /** Whose the meeting is. @param signal aborted: it does not matter any more */
  async whose(signal: AbortSignal): Promise<Standing> {
    const { tenure, clock, logger } = this.#parts
    if (!tenure) return 'held'
    for (let asked = 0; asked < MAX_ASKED; asked++) {
      try {
        return await tenure.check()
      } catch (thrown) {
        if (thrown instanceof NotFoundError) return 'lost'
        logger.warn({ err: toError(thrown) }, 'it is not known whose the meeting is')
        await clock.sleep(ASK_AGAIN_MS, signal)
      }
    }
    return 'held'
  }

  /** Whether the claim says what to do about the end of the connection: who comes back to a meeting that was taken throws the other one out. */
  isDecidedByClaim(reason: RoomEndReason): boolean {
    return reason === 'duplicate_identity' || (reason === 'connection_lost' && this.#isReleased)
  }

  /**
   * Somebody is in the room under the bot's name, or may be.
   * @param heardMs until when it was heard here, meeting ms
   * @returns what is to be done about it
   */
  async rival(heardMs: number, signal: AbortSignal): Promise<'lost' | 'yield' | 'come back'> {
    const { tenure } = this.#parts
    this.#outMs = heardMs
    // nobody to ask
    if (!tenure) return 'yield'
    const standing = await this.whose(signal)
    if (standing === 'lost') return 'lost'
    if (standing === 'released') {
      this.#isHandedOver = true
      await this.#sayLeft(heardMs)
      return 'yield'
    }
    const nowMs = this.#parts.clock.monotonicMs()
    this.#rivalsMs.push(nowMs)
    while ((this.#rivalsMs[0] ?? nowMs) < nowMs - RIVAL_WINDOW_MS) this.#rivalsMs.shift()
    return this.#rivalsMs.length > MAX_RIVALS ? 'yield' : 'come back'
  }

  /** Whether the meeting, released and ending here, was taken all the same. */
  async isTaken(signal: AbortSignal): Promise<boolean> {
    if (this.#isReleased && !this.#isHandedOver) this.#isHandedOver = (await this.whose(signal)) !== 'held'
    return this.#isHandedOver
  }
}
