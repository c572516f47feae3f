import type { SessionId } from '../../core/ids.js'
import type { FinalsBatch, SessionRecord } from '../../records/port.js'
import type { Gap } from '../audio/span.js'
import { WaitingSpans } from './waiting-spans.js'

/** What stands beside the finals of a log: a transcript is known to miss nothing before a text only together with it. */
export type Beside = Omit<FinalsBatch, 'segments'>

/** Gaps that the store does not have yet, oldest first. */
export class WaitingGaps {
  #gaps: Gap[] = []
  readonly #logged = new WeakSet<Gap>()

  get size(): number {
    return this.#gaps.length
  }

  /** @param most of more, the oldest goes @returns whether it had room */
  put(gap: Gap, most: number): boolean {
    this.#gaps.push(gap)
    if (this.#gaps.length <= most) return true
    this.#gaps.shift()
    return false
  }

  /** The first ones, at most `limit`. */
  first(limit: number): readonly Gap[] {
    return this.#gaps.slice(0, limit)
  }

  unlogged(): readonly Gap[] {
    return this.#gaps.filter((gap) => !this.#logged.has(gap))
  }

  logged(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#logged.add(gap)
  }

  /** They are stored. @returns those that still waited */
  remove(gaps: readonly Gap[]): readonly Gap[] {
    const isStored = new Set(gaps)
    const waited = this.#gaps.filter((gap) => isStored.has(gap))
    this.#gaps = this.#gaps.filter((gap) => !isStored.has(gap))
    return waited
  }
}

/** Sessions that the store does not have as they are, each in its newest version. */
export class WaitingSessions {
  readonly #sessions = new Map<SessionId, SessionRecord>()
  readonly #logged = new WeakSet<SessionRecord>()
  readonly #versions = new WeakMap<SessionRecord, number>()
  /** version that is stored */
  readonly #stored = new Map<SessionId, number>()
  #version = 0

  get size(): number {
    return this.#sessions.size
  }

  put(session: SessionRecord): void {
    this.#versions.set(session, ++this.#version)
    this.#sessions.set(session.sessionId, session)
  }

  all(): readonly SessionRecord[] {
    return [...this.#sessions.values()]
  }

  /** Those whose texts do not come in order: what is told of the others is guessed from the texts that are there. */
  pending(): readonly SessionRecord[] {
    return this.all().filter(({ pendingTexts }) => pendingTexts !== undefined)
  }

  logged(sessions: readonly SessionRecord[]): void {
    for (const session of sessions) this.#logged.add(session)
  }

  unlogged(): readonly SessionRecord[] {
    return this.pending().filter((session) => !this.#logged.has(session))
  }

  /** Whether it is stored, or a newer version of it. */
  isStored(session: SessionRecord): boolean {
    return (this.#stored.get(session.sessionId) ?? 0) >= (this.#versions.get(session) ?? 0)
  }

  /** It is stored as it is given; one that has changed since still waits. */
  remove(session: SessionRecord): void {
    this.#stored.set(session.sessionId, this.#versions.get(session) ?? 0)
    if (this.#sessions.get(session.sessionId) === session) this.#sessions.delete(session.sessionId)
  }
}

/** What the store does not have yet, besides the finals and the people. */
export class Waiting {
  readonly spans = new WaitingSpans()
  readonly gaps = new WaitingGaps()
  readonly sessions = new WaitingSessions()

  get size(): number {
    return this.spans.size + this.gaps.size + this.sessions.size
  }

  /** What the log is to have before anything newer: all of it, since what is told of a session rests on those before it. */
  unlogged(): Beside {
    const gaps = this.gaps.unlogged()
    const sessions = this.sessions.unlogged()
    return { spans: this.spans.unlogged(), ...(gaps.length > 0 && { gaps }), ...(sessions.length > 0 && { sessions }) }
  }

  /** The log has it as it was given. */
  logged({ spans, gaps = [], sessions = [] }: Beside): void {
    this.spans.logged(spans)
    this.gaps.logged(gaps)
    this.sessions.logged(sessions)
  }
}
