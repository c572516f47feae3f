import type { Recognition } from './recogniser.js'

/** One segment to recognise, and whom to tell. */
export interface RecognitionJob {
  /** the session it belongs to */
  readonly owner: object
  readonly isFinal: boolean
  /** given away when the job begins */
  readonly samples: Int16Array<ArrayBuffer>
  readonly mayRetry: boolean
  done(recognition: Recognition): void
  failed(error: Error): void
}

/** When a queue is full. */
export interface JobQueueLimits {
  /** partials are refused when this many jobs wait */
  readonly maxQueuedJobs: number
  /** a session's finals may wait with this many samples in all */
  readonly maxFinalSamples: (owner: object) => number
}

interface Waiting {
  readonly finals: RecognitionJob[]
  readonly partials: RecognitionJob[]
}

/**
 * What waits for a worker. Finals go before partials; among sessions each gets a turn, so one with many jobs delays none.
 * When full, partials are refused (shed), and a final is refused only when its own session's finals are too long in all.
 */
export class JobQueue {
  readonly #limits: JobQueueLimits
  /** in order of whose turn is next */
  readonly #owners = new Map<object, Waiting>()
  #length = 0

  constructor(limits: JobQueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#length
  }

  /** @returns whether it was taken */
  add(job: RecognitionJob): boolean {
    const waiting = this.#owners.get(job.owner) ?? { finals: [], partials: [] }
    if (job.isFinal) {
      const samples = waiting.finals.reduce((sum, final) => sum + final.samples.length, job.samples.length)
      // a single final is always taken: its length is bounded by the longest utterance
      if (waiting.finals.length > 0 && samples > this.#limits.maxFinalSamples(job.owner)) return false
      waiting.finals.push(job)
    } else {
      if (this.#length >= this.#limits.maxQueuedJobs) return false
      waiting.partials.push(job)
    }
    this.#owners.set(job.owner, waiting)
    this.#length++
    return true
  }

  /** Takes the job whose turn it is. */
  next(): RecognitionJob | undefined {
    return this.#take('finals') ?? this.#take('partials')
  }

  /** Takes a job out again. @returns whether it still waited */
  remove(job: RecognitionJob): boolean {
    const waiting = this.#owners.get(job.owner)
    const list = job.isFinal ? waiting?.finals : waiting?.partials
    const at = list?.indexOf(job) ?? -1
    if (!waiting || !list || at < 0) return false
    list.splice(at, 1)
    this.#length--
    this.#forgetIdle(job.owner, waiting)
    return true
  }

  /** Drops all of one session. */
  removeOwner(owner: object): void {
    const waiting = this.#owners.get(owner)
    if (!waiting) return
    this.#length -= waiting.finals.length + waiting.partials.length
    this.#owners.delete(owner)
  }

  /** Empties the queue. */
  drain(): RecognitionJob[] {
    const jobs = [...this.#owners.values()].flatMap(({ finals, partials }) => [...finals, ...partials])
    this.#owners.clear()
    this.#length = 0
    return jobs
  }

  #take(list: keyof Waiting): RecognitionJob | undefined {
    for (const [owner, waiting] of this.#owners) {
      const job = waiting[list].shift()
      if (!job) continue
      this.#length--
      // its next turn comes after everybody else's
      this.#owners.delete(owner)
      this.#owners.set(owner, waiting)
      this.#forgetIdle(owner, waiting)
      return job
    }
    return undefined
  }

  #forgetIdle(owner: object, waiting: Waiting): void {
    if (waiting.finals.length === 0 && waiting.partials.length === 0) this.#owners.delete(owner)
  }
}
