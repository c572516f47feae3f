/** What a death takes, its audio in one session and what is said in another, is opened at once when none has died for so long; */
const WINDOW_MS = 5 * 60_000
/** else one death in this time, and one of a session that repeats audio: held back, they keep theirs. */
const EVERY_MS = 2 * 60_000
/** At the end of the meeting nothing can wait: so many deaths are made up for. */
const MAX_AT_END = 6
/** A service that refused (key, payment) is asked again after so long. */
const REFUSED_MS = 10 * 60_000

const NEVER = { first: Number.NEGATIVE_INFINITY, repeat: Number.NEGATIVE_INFINITY }

/**
 * When the sessions that make up for dead ones may be opened (P2, P3 of the pool). A session takes audio first, or
 * repeats that of a dead one. All times are monotonic ms.
 */
export class Replacements {
  /** when the last death was made up for, or will be: of a session that took audio first, and of one that repeated it */
  readonly #madeUpMs = { ...NEVER }
  /** before it audio of the session that has just died is not to be repeated */
  #repeatFromMs = 0
  #atEnd = 0
  /** before it the service is not to be asked again */
  #heldUntilMs = 0

  /** The service refused. */
  refused(nowMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, nowMs + REFUSED_MS)
  }

  /** The service takes sessions again. */
  worked(): void {
    this.#heldUntilMs = 0
  }

  /** Another service is asked from now on: nothing has died there. */
  renewed(): void {
    this.#heldUntilMs = 0
    this.#repeatFromMs = 0
    Object.assign(this.#madeUpMs, NEVER)
  }

  /** A session died that will be made up for. */
  died(nowMs: number, isRepeat: boolean): void {
    const { first, repeat } = this.#madeUpMs
    // audio that no service takes does not keep what is said from its turn
    const lastMs = isRepeat ? Math.max(repeat, nowMs) : first
    const isAtOnce = nowMs - Math.max(first, repeat) >= WINDOW_MS
    this.#repeatFromMs = isAtOnce ? nowMs : Math.max(nowMs, lastMs + EVERY_MS)
    this.#madeUpMs[isRepeat ? 'repeat' : 'first'] = this.#repeatFromMs
  }

  /** The session that repeats the dead one's audio is there. */
  repeated(): void {
    this.#repeatFromMs = 0
  }

  /** How long a new session is to wait; 0 or less: it need not. */
  holdMs(nowMs: number, isRepeat: boolean): number {
    return Math.max(this.#heldUntilMs, isRepeat ? this.#repeatFromMs : this.#madeUpMs.first) - nowMs
  }

  /** A session died at the end of the meeting. @returns whether it is made up for */
  mayAtEnd(): boolean {
    return ++this.#atEnd <= MAX_AT_END
  }
}
