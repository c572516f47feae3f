import { ClaimLostError, ConflictError, NotFoundError, StateError } from '../../src/core/errors.js'
import { mayRoom } from '../../src/control/auth/caller.js'
import { newMeetingId, type MeetingId } from '../../src/core/ids.js'
import type { Gap, Span } from '../../src/live/audio/span.js'
import type { CoverageRow, Doubt, Segment } from '../../src/live/transcript/segment.js'
import { storeLeft } from '../../src/records/left-behind.js'
import {
  FINAL_STATES,
  hasEnded,
  type Claim,
  type CoverageShare,
  type DeliveryRecord,
  type FeedEvent,
  type FeedPosition,
  type FinalsBatch,
  type MeetingFilter,
  type MeetingReason,
  type MeetingRecord,
  type MeetingRequest,
  type MeetingState,
  type MeetingStore,
  type ParticipantRecord,
  type SessionRecord,
  type StoredCoverage,
  type StoredSegment,
  type SummaryRecord,
  type WorkBook,
} from '../../src/records/port.js'

interface Entry {
  meeting: MeetingRecord
  epoch: number
  seq: number
  readonly segments: StoredSegment[]
  readonly gaps: { n: number; gap: Gap }[]
  readonly spans: Map<string, Span>
  readonly sessions: Map<string, SessionRecord>
  coverage: StoredCoverage | null
  readonly shares: Map<number, CoverageShare>
  summary: SummaryRecord | null
  readonly deliveries: Map<string, DeliveryRecord>
  readonly listeners: Set<(event: FeedEvent) => void>
}

/** The store in memory, with the same rules as the real one; for tests of what stands on it. */
export class MemoryStore implements MeetingStore {
  readonly #entries = new Map<MeetingId, Entry>()
  readonly #now: () => number
  /** where steps that hold up a meeting are kept; absent: none does */
  steps: Pick<WorkBook, 'stuck'> | null = null
  #closed = false
  #gaps = 0

  /** @param now wall clock, ms */
  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  create(request: MeetingRequest): Promise<{ meeting: MeetingRecord; created: boolean }> {
    return this.#do(() => {
      const isLater = request.startAt !== null && Date.parse(request.startAt) > this.#now()
      const there = [...this.#entries.values()].find(({ meeting: { room, state, startAt } }) => {
        const isSame = isLater ? state === 'scheduled' && startAt === request.startAt : state !== 'scheduled' && !hasEnded(state)
        return room === request.room && isSame
      })
      if (there) return { meeting: there.meeting, created: false }
      const meeting: MeetingRecord = {
        ...request,
        id: newMeetingId(),
        state: isLater ? 'scheduled' : 'queued',
        reason: null,
        stopRequested: false,
        paused: false,
        deletedAt: null,
        createdAt: new Date(this.#now()).toISOString(),
        startedAt: null,
        endedAt: null,
        participants: [],
      }
      this.#entries.set(meeting.id, {
        meeting,
        epoch: 0,
        seq: 0,
        segments: [],
        gaps: [],
        spans: new Map(),
        sessions: new Map(),
        coverage: null,
        shares: new Map(),
        summary: null,
        deliveries: new Map(),
        listeners: new Set(),
      })
      return { meeting, created: true }
    })
  }

  meeting(id: MeetingId): Promise<MeetingRecord> {
    return this.#do(() => this.#entry(id).meeting)
  }

  async meetingWithStep(id: MeetingId): ReturnType<MeetingStore['meetingWithStep']> {
    return { meeting: await this.meeting(id), stuck: (await this.steps?.stuck([id]))?.get(id) ?? null }
  }

  meetings(filter: MeetingFilter): Promise<readonly MeetingRecord[]> {
    return this.#do(() =>
      [...this.#entries.values()]
        .map(({ meeting }) => meeting)
        .filter(({ state, room, id, deletedAt }) => {
          const { state: wanted = state, room: place = room, before, rooms = ['*'] } = filter
          const isSeen = mayRoom({ rooms }, room) && deletedAt === null
          return isSeen && state === wanted && room === place && (before === undefined || id < before)
        })
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, filter.limit),
    )
  }

  lastOf(room: string): Promise<MeetingRecord | null> {
    return this.#do(() => {
      const all = [...this.#entries.values()].map(({ meeting }) => meeting)
      const ofRoom = all.filter((one) => one.room === room && one.deletedAt === null && one.state !== 'scheduled')
      return ofRoom.find(({ state }) => !hasEnded(state)) ?? ofRoom.sort((a, b) => (a.id < b.id ? 1 : -1))[0] ?? null
    })
  }

  requestStop(id: MeetingId): Promise<MeetingRecord> {
    return this.#do(() => {
      const entry = this.#entry(id)
      const isWaiting = entry.meeting.state === 'scheduled' || entry.meeting.state === 'queued'
      if (isFinal(entry.meeting)) return entry.meeting
      entry.meeting = { ...entry.meeting, stopRequested: true }
      if (isWaiting) this.#move(entry, 'cancelled', 'stopped')
      else this.#tell(entry, { kind: 'state', state: entry.meeting.state, reason: entry.meeting.reason })
      return entry.meeting
    })
  }

  setPaused(id: MeetingId, paused: boolean): Promise<MeetingRecord> {
    return this.#do(() => {
      const entry = this.#entry(id)
      if (isFinal(entry.meeting)) throw new ConflictError(`the meeting is ${entry.meeting.state}`)
      entry.meeting = { ...entry.meeting, paused }
      this.#tell(entry, { kind: 'state', state: entry.meeting.state, reason: entry.meeting.reason })
      return entry.meeting
    })
  }

  async requestDelete(id: MeetingId): Promise<MeetingRecord> {
    await this.requestStop(id)
    const entry = this.#entry(id)
    entry.meeting = { ...entry.meeting, deletedAt: new Date(this.#now()).toISOString() }
    return entry.meeting
  }

  deleted(limit: number): Promise<readonly MeetingRecord[]> {
    return this.#do(() =>
      [...this.#entries.values()]
        .map(({ meeting }) => meeting)
        .filter(({ deletedAt }) => deletedAt !== null)
        .slice(0, limit),
    )
  }

  purge(id: MeetingId): Promise<boolean> {
    return this.#do(() => this.#entries.get(id)?.meeting.deletedAt !== null && this.#entries.delete(id))
  }

  claim(id: MeetingId): Promise<Claim> {
    return this.#do(() => {
      const entry = this.#entry(id)
      if (isFinal(entry.meeting)) throw new ConflictError(`the meeting is ${entry.meeting.state}`)
      return { meetingId: id, epoch: (entry.epoch += 1) }
    })
  }

  setState(
    claim: Claim,
    state: MeetingState,
    reason: MeetingReason | null,
    times: { startedAt?: string; endedAt?: string } = {},
  ): Promise<void> {
    return this.#write(claim, (entry) => {
      entry.meeting = { ...entry.meeting, ...times }
      this.#move(entry, state, reason)
    })
  }

  saveParticipants(claim: Claim, participants: readonly ParticipantRecord[]): Promise<void> {
    return this.#write(claim, (entry) => {
      entry.meeting = { ...entry.meeting, participants }
      this.#move(entry, entry.meeting.state, entry.meeting.reason)
    })
  }

  saveSession(claim: Claim, session: SessionRecord): Promise<void> {
    return this.#write(claim, (entry) => {
      const known = entry.sessions.get(session.sessionId)
      const { sentFrames = 0, acknowledgedFrames = 0, vendorId = null } = known ?? {}
      const isUndone = session.endReason === null && known !== undefined && known.endReason !== null
      entry.sessions.set(session.sessionId, {
        ...(isUndone ? known : session),
        vendorId: session.vendorId ?? vendorId,
        sentFrames: Math.max(sentFrames, session.sentFrames),
        acknowledgedFrames: Math.max(acknowledgedFrames, session.acknowledgedFrames),
        ...(known ? known.epoch !== undefined && { epoch: known.epoch } : { epoch: claim.standsFor ?? claim.epoch }),
      })
    })
  }

  saveSpans(claim: Claim, spans: readonly Span[]): Promise<void> {
    return this.#write(claim, (entry) => putSpans(entry.spans, spans))
  }

  appendSegments(claim: Claim, segments: readonly Segment[], spans: readonly Span[] = []): Promise<readonly StoredSegment[]> {
    return this.#write(claim, (entry) => {
      putSpans(entry.spans, spans)
      const fresh = segments.filter((segment) => !entry.segments.some((one) => keyOf(one) === keyOf(segment)))
      const stored = fresh.map((segment) => ({ ...segment, seq: (entry.seq += 1) }))
      entry.segments.push(...stored)
      for (const segment of stored) this.#tell(entry, { kind: 'segment', segment })
      return stored
    })
  }

  async adopt(claim: Claim, left: FinalsBatch): Promise<{ stored: number; isOver: boolean }> {
    const { epoch, meeting } = await this.#do(() => this.#entry(claim.meetingId))
    const stored = await storeLeft(this, { ...claim, epoch }, left)
    return { stored, isOver: isFinal(meeting) || epoch !== claim.epoch }
  }

  appendGaps(claim: Claim, gaps: readonly Gap[]): Promise<void> {
    return this.#write(claim, (entry) => {
      for (const gap of gaps) {
        // a write that is repeated because its answer was lost adds nothing
        if (entry.gaps.some((one) => isSameGap(one.gap, gap))) continue
        const n = (this.#gaps += 1)
        entry.gaps.push({ n, gap })
        this.#tell(entry, { kind: 'gap', gap, n })
      }
    })
  }

  saveCoverage(claim: Claim, rows: readonly CoverageRow[], complete: boolean, doubts: readonly Doubt[] = []): Promise<void> {
    return this.#write(claim, (entry) => {
      entry.coverage = { rows, complete, doubts }
    })
  }

  saveShare(claim: Claim, share: CoverageShare): Promise<void> {
    return this.#write(claim, (entry) => void entry.shares.set(share.epoch, share))
  }

  segments(id: MeetingId, afterSeq = 0, limit?: number): Promise<readonly StoredSegment[]> {
    return this.#do(() =>
      this.#entry(id)
        .segments.filter(({ seq }) => seq > afterSeq)
        .slice(0, limit),
    )
  }

  numberedGaps(id: MeetingId, after: number): Promise<readonly { n: number; gap: Gap }[]> {
    return this.#do(() => this.#entry(id).gaps.filter(({ n }) => n > after))
  }

  feedPosition(id: MeetingId): Promise<FeedPosition> {
    return this.#do(() => ({ seq: this.#entry(id).seq, gap: this.#entry(id).gaps.at(-1)?.n ?? 0 }))
  }

  gaps(id: MeetingId): Promise<readonly Gap[]> {
    return this.#do(() => this.#entry(id).gaps.map(({ gap }) => gap))
  }

  spans(id: MeetingId): Promise<readonly Span[]> {
    return this.#do(() => [...this.#entry(id).spans.values()])
  }

  sessions(id: MeetingId): Promise<readonly SessionRecord[]> {
    return this.#do(() => [...this.#entry(id).sessions.values()])
  }

  coverage(id: MeetingId): Promise<StoredCoverage | null> {
    return this.#do(() => this.#entry(id).coverage)
  }

  shares(id: MeetingId): Promise<readonly CoverageShare[]> {
    return this.#do(() => [...this.#entry(id).shares.values()].toSorted((a, b) => a.epoch - b.epoch))
  }

  async receipt(id: MeetingId): ReturnType<MeetingStore['receipt']> {
    return { coverage: await this.coverage(id), sessions: await this.sessions(id), gaps: await this.gaps(id) }
  }

  saveSummary(summary: SummaryRecord): Promise<void> {
    return this.#do(() => {
      this.#entry(summary.meetingId).summary = summary
    })
  }

  summary(id: MeetingId): Promise<SummaryRecord | null> {
    return this.#do(() => this.#entry(id).summary)
  }

  intendDelivery(id: MeetingId, destination: string, part: string): Promise<DeliveryRecord> {
    return this.#do(() => {
      const { deliveries } = this.#entry(id)
      const key = JSON.stringify([destination, part])
      const record = deliveries.get(key) ?? { destination, part, state: 'intended', reference: null }
      deliveries.set(key, record)
      return record
    })
  }

  markDelivered(id: MeetingId, destination: string, part: string, reference: string): Promise<void> {
    return this.#do(
      () => void this.#entry(id).deliveries.set(JSON.stringify([destination, part]), { destination, part, state: 'sent', reference }),
    )
  }

  deliveries(id: MeetingId): Promise<readonly DeliveryRecord[]> {
    return this.#do(() => [...this.#entry(id).deliveries.values()])
  }

  finish(id: MeetingId): Promise<void> {
    return this.#do(() => {
      const entry = this.#entry(id)
      if (entry.meeting.state === 'finalising') this.#move(entry, 'done', entry.meeting.reason)
      else if (entry.meeting.state !== 'done') throw new ConflictError(`the meeting is ${entry.meeting.state}`)
    })
  }

  subscribe(id: MeetingId, listener: (event: FeedEvent) => void, after?: number | FeedPosition): () => void {
    const { listeners, segments, gaps } = this.#entry(id)
    if (after !== undefined) {
      const from = typeof after === 'number' ? { seq: after, gap: Number.POSITIVE_INFINITY } : after
      for (const segment of segments) if (segment.seq > from.seq) listener({ kind: 'segment', segment })
      for (const { n, gap } of gaps) if (n > from.gap) listener({ kind: 'gap', gap, n })
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  ping(): Promise<void> {
    return this.#do(() => undefined)
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  #do<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#closed) throw new StateError('the store is closed')
      resolve(work())
    })
  }

  #write<T>(claim: Claim, work: (entry: Entry) => T): Promise<T> {
    return this.#do(() => {
      const entry = this.#entry(claim.meetingId)
      if (claim.epoch !== entry.epoch) throw new ClaimLostError('another process owns the meeting')
      return work(entry)
    })
  }

  #entry(id: MeetingId): Entry {
    const entry = this.#entries.get(id)
    if (!entry) throw new NotFoundError(`there is no meeting ${id}`)
    return entry
  }

  #move(entry: Entry, state: MeetingState, reason: MeetingReason | null): void {
    entry.meeting = { ...entry.meeting, state, reason }
    this.#tell(entry, { kind: 'state', state, reason })
  }

  #tell(entry: Entry, event: FeedEvent): void {
    for (const listener of entry.listeners) listener(event)
  }
}

const isFinal = (meeting: MeetingRecord): boolean => FINAL_STATES.includes(meeting.state)
const isSameGap = (a: Gap, b: Gap): boolean =>
  a.identity === b.identity && a.fromMs === b.fromMs && a.toMs === b.toMs && a.reason === b.reason

/** An older version of a span that comes late does not make it shorter. */
function putSpans(known: Map<string, Span>, spans: readonly Span[]): void {
  for (const span of spans) {
    const key = `${span.sessionId}/${span.channel}/${span.fromFrame}`
    const before = known.get(key)
    known.set(key, before ? { ...before, toFrame: Math.max(before.toFrame, span.toFrame) } : span)
  }
}

const keyOf = (segment: Segment): string => `${segment.sessionId}/${segment.utteranceId}/${segment.part}`
