import type { Identity } from '../../core/ids.js'
import type { Unsettled } from '../../records/claims.js'
import type { ParticipantRecord, SessionRecord } from '../../records/port.js'
import type { Span } from '../audio/span.js'
import { meetingMsOf } from '../transcript/span-index.js'
import type { Segment } from '../transcript/segment.js'
import { RING_MS, unsentFrom } from './backlog-before.js'

/** Whose a claim is: its own, another one's that welcomes what was heard here, another one's that does not. */
export type Standing = 'held' | 'released' | 'lost'

/** How a bot stands to the other processes that may run its meeting. */
export interface Tenure {
  /** ms since the meeting's start by the store's clock; null: it begins with this bot */
  readonly elapsedMs: number | null
  /** the store's clock, ms since 1970 */
  readonly storeNowMs: number
  /** ms since the last sign of life of the last bot that was in the room; null: unknown */
  readonly silentMs: number | null
  /** the bot before this one hears until this one has joined */
  readonly isReleased: boolean
  /** @throws UpstreamError the store does not answer */
  check(): Promise<Standing>
  /** This bot is in the room, and what nobody heard before is stored. @throws UpstreamError */
  entered(): Promise<void>
  /** Another process may take the meeting from now on. @throws ClaimLostError, UpstreamError */
  release(): Promise<void>
  /** Tells the bot that came until when this one has heard, meeting ms. */
  left(atMs: number): Promise<void>
  /** Until when the bot before has heard, meeting ms; null: it has not said (yet) */
  leftBefore(): Promise<number | null>
  /** Says that what was heard here has been seen to. */
  settled(): Promise<void>
  /** Bots that gave the meeting away and have not said so. */
  before(): Promise<readonly Unsettled[]>
  /** Takes some of those for dead: what they write from now on is refused. @throws UpstreamError */
  revoke(epochs: readonly number[]): Promise<void>
}

/** The longest utterance that is asked for (15 s) and what its text may take: older speech has its text stored, or never will. */
export const IN_FLIGHT_MS = 20_000

/** Spans are stored within a second; a store under load takes a little longer. */
const SPANS_LATE_MS = 3_000

/** Voice is dated by the arrival of its frames; what is this much later than a leave is of somebody who came back, which was not stored. */
const CAME_BACK_MS = 1_000

/** Whoever left so shortly before a bot left with it. */
const LEFT_WITH_IT_MS = 200

/** What is stored of a meeting that is taken over. */
export interface Left {
  readonly people: readonly ParticipantRecord[]
  readonly segments: readonly Segment[]
  readonly spans: readonly Span[]
  readonly sessions: readonly SessionRecord[]
}

/**
 * What a bot takes over from the one before: who was there, and from when on nobody listened.
 * A hole begins, for each person, where the other one's knowledge ends: with its place in the room when it was released, else with the
 * last text that is stored, for what was on its way, or waited for a channel, died with the process; silence before that is not a hole.
 */
export class Inheritance {
  /** as it was stored when this bot began */
  readonly left: Left
  /** whoever was heard after they left, as far as that is stored, had come back */
  readonly people: readonly ParticipantRecord[]
  /** who is known to have been there, or to have been heard, and not to have left */
  readonly present: ReadonlySet<Identity>
  /** the last sign of the bot before, meeting ms */
  readonly lastSignMs: number
  /** the last that is stored of anything it heard, meeting ms */
  readonly knownMs: number
  readonly #isReleased: boolean
  /** a session had fewer channels than there were people */
  readonly #isShared: boolean
  readonly #textUntilMs = new Map<Identity, number>()
  readonly #unsentFromMs: (identity: Identity) => number | null

  constructor(left: Left, tenure: Pick<Tenure, 'silentMs' | 'isReleased'>, nowMs: number) {
    this.left = left
    const heardUntilMs = new Map<Identity, number>()
    for (const span of left.spans)
      heardUntilMs.set(span.identity, Math.max(heardUntilMs.get(span.identity) ?? 0, meetingMsOf(span, span.toFrame)))
    const isBack = ({ identity, leftMs }: ParticipantRecord) => leftMs !== null && (heardUntilMs.get(identity) ?? 0) > leftMs + CAME_BACK_MS
    this.people = left.people.map((one) => (isBack(one) ? { ...one, leftMs: null } : one))
    this.#isReleased = tenure.isReleased
    const gone = new Set(this.people.filter(({ leftMs }) => leftMs !== null).map(({ identity }) => identity))
    const known = [...left.people, ...left.spans].map(({ identity }) => identity)
    const people = new Set(known).size
    this.#isShared = left.sessions.some(({ channels }) => channels < people)
    this.present = new Set(known.filter((identity) => !gone.has(identity)))
    for (const { identity, endMs } of left.segments) {
      if (identity !== null) this.#textUntilMs.set(identity, Math.max(this.#textUntilMs.get(identity) ?? 0, endMs))
    }
    this.#unsentFromMs = unsentFrom(left.spans, left.sessions, IN_FLIGHT_MS)
    const signs = [...heardUntilMs.values()]
    for (const { joinedMs, leftMs } of left.people) signs.push(leftMs ?? joinedMs)
    this.knownMs = signs.reduce((latest, ms) => Math.max(latest, ms), 0)
    this.lastSignMs = Math.min(nowMs, tenure.silentMs === null ? this.knownMs : Math.max(this.knownMs, nowMs - tenure.silentMs))
  }

  /** Who was there when the bot before left the room; to its knowledge they have left with it. */
  thereAt(leftMs: number): ReadonlySet<Identity> {
    const beside = this.people.filter((one) => one.leftMs !== null && one.leftMs >= leftMs - LEFT_WITH_IT_MS)
    return new Set([...this.present, ...beside.map(({ identity }) => identity)])
  }

  /** Who left so long before the end of the other bot that what they said has been sent, and its spans are stored, and has none: they never made a sound. */
  isKnownSilent(identity: Identity, leftMs: number, signMs = this.lastSignMs): boolean {
    // where channels were short they may have waited for one
    const lateMs = SPANS_LATE_MS + (this.#isShared ? RING_MS : 0)
    return leftMs < signMs - lateMs && !this.left.spans.some((span) => span.identity === identity)
  }

  /**
   * From when on nobody listened to a person, meeting ms. Whoever is not known may have been there, and is treated so.
   * @param askedMs when this bot asked to be let in: a released one hears until then at least
   */
  unheardFrom(identity: Identity, askedMs: number): number {
    return this.#isReleased ? askedMs : this.untextedFrom(identity, this.lastSignMs)
  }

  /** From when on the words of a person may not have come to text when the bot before died, meeting ms, as far as it is stored. @param signMs its last sign */
  untextedFrom(identity: Identity, signMs: number): number {
    const joinedMs = this.people.find((one) => one.identity === identity)?.joinedMs ?? 0
    const inFlightMs = signMs - IN_FLIGHT_MS
    // spans end where sound does: what came before the last ring of it has been sent, or was let go of and told
    const unsentMs = Math.max(this.#unsentFromMs(identity) ?? inFlightMs, inFlightMs - RING_MS)
    return Math.max(0, joinedMs, this.#textUntilMs.get(identity) ?? 0, Math.min(inFlightMs, unsentMs))
  }
}
