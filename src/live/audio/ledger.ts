import type { Identity, SessionId } from '../../core/ids.js'

/** Frames of one session that were voice of one person, half-open. */
export interface VoicedRun {
  readonly sessionId: SessionId
  readonly fromFrame: number
  readonly toFrame: number
}

/** What became of one person's audio, ms. Conservation: heard = sentVoice + lostVoice + waitingVoice. */
export interface AudioCounters {
  readonly identity: Identity
  /** voice that came, and what is taken to have been voice when frames went missing while the person spoke */
  readonly heardMs: number
  readonly sentVoiceMs: number
  readonly sentMs: number
  readonly lostVoiceMs: number
  readonly waitingVoiceMs: number
  /** how often speech asked for a channel, how long it waited for one in all and at most; 0 where a channel was free */
  readonly waits: Waits
  /** time in which a track of the person could be heard, tracks side by side counted each */
  readonly presentMs: number
  /** spoke, or sounded as if, for so long without a pause that others were served first; or was loud for as long, voice or not */
  readonly isNoisy: boolean
  /** where in the sessions the voice that was sent lies, for telling which of it was acknowledged */
  readonly voicedRuns: readonly VoicedRun[]
}

/** How speech waited for a channel, ms. */
export interface Waits {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
}

interface Account {
  heardMs: number
  sentVoiceMs: number
  sentMs: number
  lostVoiceMs: number
  waits: Waits
  presentMs: number
  isNoisy: boolean
  /** from, to, from, to, ... by session */
  readonly runs: Map<SessionId, number[]>
}

/** Counts, per person, what was heard, sent and lost. */
export class Ledger {
  readonly #accounts = new Map<Identity, Account>()

  heard(identity: Identity, ms: number): void {
    this.#account(identity).heardMs += ms
  }

  lost(identity: Identity, ms: number): void {
    this.#account(identity).lostVoiceMs += ms
  }

  sent(identity: Identity, ms: number): void {
    this.#account(identity).sentMs += ms
  }

  /** Speech got a channel after waiting for it. */
  waited(identity: Identity, ms: number): void {
    const account = this.#account(identity)
    const { count, totalMs, maxMs } = account.waits
    account.waits = { count: count + 1, totalMs: totalMs + ms, maxMs: Math.max(maxMs, ms) }
  }

  /** A track could be heard for so long. */
  present(identity: Identity, ms: number): void {
    this.#account(identity).presentMs += ms
  }

  noisy(identity: Identity): void {
    this.#account(identity).isNoisy = true
  }

  /** Voice among what was sent; frames of one session in ascending order. */
  sentVoice(identity: Identity, ms: number, sessionId: SessionId, fromFrame: number, frames: number): void {
    const account = this.#account(identity)
    account.sentVoiceMs += ms
    const runs = account.runs.get(sessionId)
    if (!runs) account.runs.set(sessionId, [fromFrame, fromFrame + frames])
    else if (runs.at(-1) === fromFrame) runs[runs.length - 1] = fromFrame + frames
    else runs.push(fromFrame, fromFrame + frames)
  }

  /**
   * @param waitingMs voice that waits to be sent, by person
   * @param presentMs presence that is not over yet, by person
   */
  counters(waitingMs: ReadonlyMap<Identity, number>, presentMs: ReadonlyMap<Identity, number>): AudioCounters[] {
    return [...this.#accounts].map(([identity, account]) => ({
      identity,
      heardMs: account.heardMs,
      sentVoiceMs: account.sentVoiceMs,
      sentMs: account.sentMs,
      lostVoiceMs: account.lostVoiceMs,
      waitingVoiceMs: waitingMs.get(identity) ?? 0,
      waits: account.waits,
      presentMs: account.presentMs + (presentMs.get(identity) ?? 0),
      isNoisy: account.isNoisy,
      voicedRuns: [...account.runs].flatMap(([sessionId, ends]) => pairs(sessionId, ends)),
    }))
  }

  #account(identity: Identity): Account {
    let account = this.#accounts.get(identity)
    if (!account) {
      account = {
        heardMs: 0,
        sentVoiceMs: 0,
        sentMs: 0,
        lostVoiceMs: 0,
        waits: { count: 0, totalMs: 0, maxMs: 0 },
        presentMs: 0,
        isNoisy: false,
        runs: new Map(),
      }
      this.#accounts.set(identity, account)
    }
    return account
  }
}

function pairs(sessionId: SessionId, ends: readonly number[]): VoicedRun[] {
  const runs: VoicedRun[] = []
  for (let index = 0; index + 1 < ends.length; index += 2) {
    runs.push({ sessionId, fromFrame: ends[index] as number, toFrame: ends[index + 1] as number })
  }
  return runs
}
