import type { MeetingId } from '../../../src/core/ids.js'
import type { Gap, Span } from '../../../src/live/audio/span.js'
import type { CoverageRow, Doubt, Segment } from '../../../src/live/transcript/segment.js'
import type {
  Claim,
  FinalsBatch,
  MeetingReason,
  MeetingState,
  ParticipantRecord,
  SessionRecord,
  StoredSegment,
} from '../../../src/records/port.js'
import { MemoryStore } from '../memory-store.js'
import type { SimTime } from './clock.js'

/** A claim that was taken from another bot, and whom the store knew by then. */
export interface Takeover {
  /** simulated ms */
  readonly atMs: number
  /** by identity: from when on they were known to be there, and when they left, meeting ms; null: they are there */
  readonly people: ReadonlyMap<string, { readonly joinedMs: number; readonly leftMs: number | null }>
}

/** The store in memory, and an eye on what it takes: the invariants of what is written, whoever writes. */
export class WatchedStore extends MemoryStore {
  readonly violations: string[] = []
  readonly takeovers: Takeover[] = []
  readonly #elapsedMs: () => number
  readonly #spans = new Map<string, Span>()
  /** by key, when bots that had been replaced handed them in (J5), and by id, when each segment was stored; simulated ms */
  readonly #handedInMs = new Map<string, number>()
  readonly #storedMs = new Map<string, number>()
  /** of the claims that were taken */
  newestEpoch = 0
  #ends = 0

  constructor(time: SimTime) {
    super(() => time.nowMs)
    this.#elapsedMs = () => time.elapsedMs
  }

  override async claim(id: MeetingId): Promise<Claim> {
    const claim = await super.claim(id)
    // nothing of the bot before is taken any more
    const { participants } = await this.meeting(id)
    const spans = [...this.#spans.values()].toSorted((a, b) => b.meetingMs - a.meetingMs)
    const isBack = (identity: string, leftMs: number) => spans.some((one) => one.identity === identity && one.meetingMs > leftMs + 1_000)
    const known = [
      ...spans.map(({ identity, meetingMs }) => [identity, { joinedMs: meetingMs, leftMs: null }] as const),
      ...participants.map(({ identity, joinedMs, leftMs }) => {
        return [identity, { joinedMs, leftMs: leftMs !== null && isBack(identity, leftMs) ? null : leftMs }] as const
      }),
    ]
    this.newestEpoch = Math.max(this.newestEpoch, claim.epoch)
    if (claim.epoch > 1) this.takeovers.push({ atMs: this.#elapsedMs(), people: new Map(known) })
    return claim
  }

  override setState(
    claim: Claim,
    state: MeetingState,
    reason: MeetingReason | null,
    times?: { startedAt?: string; endedAt?: string },
  ): Promise<void> {
    return this.#taken(claim, 'a state', super.setState(claim, state, reason, times), () => {
      if (state === 'finalising' || state === 'failed') this.#ends++
      if (this.#ends > 1) this.violations.push('I7 the meeting ended twice')
    })
  }

  override saveParticipants(claim: Claim, participants: readonly ParticipantRecord[]): Promise<void> {
    return this.#taken(claim, 'people', super.saveParticipants(claim, participants))
  }
  override saveSession(claim: Claim, session: SessionRecord): Promise<void> {
    return this.#taken(claim, 'a session', super.saveSession(claim, session))
  }
  override appendGaps(claim: Claim, gaps: readonly Gap[]): Promise<void> {
    return this.#taken(claim, 'gaps', super.appendGaps(claim, gaps))
  }
  override saveCoverage(claim: Claim, rows: readonly CoverageRow[], complete: boolean, doubts?: readonly Doubt[]): Promise<void> {
    return this.#taken(claim, 'coverage', super.saveCoverage(claim, rows, complete, doubts))
  }
  override saveSpans(claim: Claim, spans: readonly Span[]): Promise<void> {
    return this.#taken(claim, 'spans', super.saveSpans(claim, spans), () => this.#grown(spans))
  }
  override appendSegments(claim: Claim, segments: readonly Segment[], spans: readonly Span[] = []): Promise<readonly StoredSegment[]> {
    return this.#taken(claim, 'segments', super.appendSegments(claim, segments, spans), () => {
      for (const { id } of segments) if (!this.#storedMs.has(id)) this.#storedMs.set(id, this.#elapsedMs())
      this.#grown(spans)
    })
  }
  override adopt(claim: Claim, left: FinalsBatch): ReturnType<MemoryStore['adopt']> {
    const isHandedIn = claim.epoch > 0 && left.segments.length === 0
    if (isHandedIn)
      for (const span of left.spans)
        if (this.#spans.get(keyOf(span))?.toFrame !== span.toFrame) this.#handedInMs.set(keyOf(span), this.#elapsedMs())
    return super.adopt(claim, left)
  }

  /** Whether the span was not there, or may not have been, when somebody said whose the text is. */
  isLater(span: Span, { id }: Pick<Segment, 'id'>, slackMs: number): boolean {
    const handedInMs = this.#handedInMs.get(keyOf(span))
    return handedInMs !== undefined && handedInMs > (this.#storedMs.get(id) ?? Number.POSITIVE_INFINITY) - slackMs
  }

  /** What was taken came under the newest claim that there was. */
  #taken<T>(claim: Claim, what: string, write: Promise<T>, then: () => void = () => undefined): Promise<T> {
    const newest = this.newestEpoch
    return write.then((value) => {
      if (claim.epoch < newest) this.violations.push(`I5 ${what} of epoch ${claim.epoch} taken, when ${newest} was claimed`)
      then()
      return value
    })
  }

  /** Spans are append-only: nothing of what was said of a frame changes. An older version of an open one may come late: the store keeps the longer. */
  #grown(spans: readonly Span[]): void {
    for (const span of spans) {
      const key = keyOf(span)
      const before = this.#spans.get(key)
      this.#spans.set(key, span)
      if (!before) continue
      const isSame = before.identity === span.identity && before.trackKey === span.trackKey && before.meetingMs === span.meetingMs
      if (!isSame) this.violations.push(`I3 span ${key} of ${before.identity} was changed`)
    }
  }
}

const keyOf = ({ sessionId, channel, fromFrame }: Span): string => `${sessionId}/${channel}/${fromFrame}`
