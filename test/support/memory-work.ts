import type { MeetingId } from '../../src/core/ids.js'
import type { DueWork, StuckStep, WorkBook, WorkKind } from '../../src/records/port.js'

interface Row {
  readonly meetingId: MeetingId
  readonly kind: WorkKind
  dueMs: number
  added: number
  stuck: StuckStep | null
}

/** The work book in memory, by a clock of the test's; `refusal` makes every call fail. */
export class MemoryWork implements WorkBook {
  readonly rows: Row[] = []
  readonly #now: () => number
  refusal: Error | null = null

  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  /** What a change of state writes in its own transaction. */
  add(meetingId: MeetingId, kind: WorkKind): void {
    this.rows.push({ meetingId, kind, dueMs: this.#now(), added: 0, stuck: null })
  }

  /** The meeting is past it. */
  remove(meetingId: MeetingId): void {
    const kept = this.rows.filter((row) => row.meetingId !== meetingId)
    this.rows.splice(0, this.rows.length, ...kept)
  }

  takeDue(limit: number, leaseMs: number): Promise<readonly DueWork[]> {
    return this.#do(() => {
      const due = this.rows.filter((row) => row.dueMs <= this.#now()).slice(0, limit)
      for (const row of due) row.dueMs = this.#now() + leaseMs
      return due.map(({ meetingId, kind, added }) => ({ meetingId, kind, added }))
    })
  }

  putOff(work: readonly Pick<DueWork, 'meetingId' | 'kind'>[], ms: number, isAdded: boolean): Promise<void> {
    return this.#do(() => {
      for (const one of work) {
        const row = this.#row(one)
        if (!row) continue
        row.dueMs = this.#now() + ms
        if (isAdded) row.added++
      }
    })
  }

  hurry(id: MeetingId): Promise<void> {
    return this.#do(() => {
      for (const row of this.rows) if (row.meetingId === id) row.dueMs = this.#now()
    })
  }

  setStuck(work: Pick<DueWork, 'meetingId' | 'kind'>, step: StuckStep | null): Promise<void> {
    return this.#do(() => {
      const row = this.#row(work)
      if (row) row.stuck = step
    })
  }

  stuck(ids: readonly MeetingId[]): Promise<ReadonlyMap<MeetingId, StuckStep>> {
    return this.#do(
      () => new Map(this.rows.flatMap(({ meetingId, stuck }) => (stuck && ids.includes(meetingId) ? [[meetingId, stuck] as const] : []))),
    )
  }

  #row({ meetingId, kind }: Pick<DueWork, 'meetingId' | 'kind'>): Row | undefined {
    return this.rows.find((row) => row.meetingId === meetingId && row.kind === kind)
  }

  #do<T>(work: () => T): Promise<T> {
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve(work())
  }
}
