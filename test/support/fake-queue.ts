import { ConflictError, NotFoundError, UpstreamError } from '../../src/core/errors.js'
import type { MeetingId } from '../../src/core/ids.js'
import type { DeadLetter, DeadLetters, JobQueue } from '../../src/followup/port.js'
import type { WorkKind } from '../../src/records/port.js'

/** The queue in memory: knows each job once, may be away, and may forget what it has. */
export class FakeQueue implements Pick<JobQueue, 'attend' | 'followUp'>, DeadLetters {
  /** ids of jobs, in order of their first addition */
  readonly jobs: string[] = []
  readonly letters: DeadLetter[] = []
  readonly retried: string[] = []
  calls = 0
  isAway = false
  /** what every addition waits for */
  gate: Promise<void> = Promise.resolve()

  attend(id: MeetingId): Promise<void> {
    return this.#add(`attend-${id}`)
  }

  followUp(id: MeetingId): Promise<void> {
    return this.#add(`deliver-${id}`)
  }

  /** Loses every job, as a server does that is promoted behind. */
  forget(): void {
    this.jobs.splice(0)
  }

  list(limit: number): Promise<readonly DeadLetter[]> {
    return this.#answer(() => this.letters.slice(0, limit))
  }

  of(id: MeetingId, kind: WorkKind): Promise<DeadLetter | null> {
    return this.#answer(
      () => this.letters.find(({ meetingId, step }) => meetingId === id && (step === 'attend') === (kind === 'attend')) ?? null,
    )
  }

  retry(id: string): Promise<DeadLetter> {
    return this.#answer(() => {
      if (this.retried.includes(id)) throw new ConflictError('it is not given up any more')
      const at = this.letters.findIndex((letter) => letter.id === id)
      const [letter] = at === -1 ? [] : this.letters.splice(at, 1)
      if (!letter) throw new NotFoundError('there is no such job')
      this.retried.push(id)
      return letter
    })
  }

  async #add(job: string): Promise<void> {
    this.calls++
    await this.gate
    return this.#answer(() => {
      if (!this.jobs.includes(job)) this.jobs.push(job)
    })
  }

  #answer<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.isAway) throw new UpstreamError('queue_unreachable', 'away', { service: 'queue', retryable: true })
      resolve(work())
    })
  }
}

/** A dead letter of a step of a meeting. */
export const letterOf = (step: DeadLetter['step'], meetingId: MeetingId): DeadLetter => ({
  id: `${step}-${meetingId}`,
  step,
  meetingId,
  attempts: 5,
  reason: 'poison',
  failedAt: '2026-01-01T00:00:00.000Z',
})
