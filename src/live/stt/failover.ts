import type { MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { ForeignSession, LeftAudio, SttEndReason, SttEvents, SttOpenOptions, SttPort, SttSession } from './port.js'

/** What a failover works with. */
export interface FailoverOptions {
  /** ends a session that it cannot create or reach for `afterMs`, with its audio takeable */
  readonly primary: SttPort
  readonly fallback: SttPort
  readonly afterMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** whether the primary service answers and takes the key again; never rejects */
  readonly isBack: () => Promise<boolean>
}

/** The primary is looked for so often; after each return that did not last, half as often. */
const CHECK_MS = 30_000
const LONGEST_CHECK_MS = 15 * 60_000
/** A return that lasts this long is forgotten. */
const STABLE_MS = 10 * 60_000

/** Ends that mean the service itself is away or refuses, whatever the session did. */
const DOWN: readonly SttEndReason[] = ['unreachable', 'unauthorized', 'payment_required']

/**
 * Two speech services as one. F1 Sessions are opened at the primary until it cannot be reached for `afterMs`, or refuses; then at the
 * fallback. What the primary had not taken is the caller's to send again, as of any dead session. A fallback that refuses as well is asked
 * again every 30 s at most. F2 The primary is asked every 30 s whether it is back; then new sessions are opened there, and `onPreferred` tells that open ones may be rolled to it.
 */
export class FailoverStt implements SttPort {
  readonly #options: FailoverOptions
  readonly #listeners = new Set<() => void>()
  #isDown = false
  /** the fallback took no session when it was asked last */
  #isRefused = false
  #checkMs = CHECK_MS
  #backSinceMs = Number.NEGATIVE_INFINITY
  #cancelCheck: (() => void) | null = null
  #isClosed = false

  constructor(options: FailoverOptions) {
    this.#options = options
  }

  /** whether sessions are opened at the fallback now */
  get isDown(): boolean {
    return this.#isDown
  }

  open(options: SttOpenOptions, events: SttEvents): SttSession {
    const { primary, fallback } = this.#options
    if (!this.#isDown) return primary.open(options, this.#watched(events, options.holdMs ?? 0))
    const { holdMs = 0, ...now } = options
    // what is held back is held back from the primary only, while the fallback takes it
    const waitMs = this.#isRefused ? Math.min(holdMs, CHECK_MS) : 0
    return fallback.open(waitMs > 0 ? { ...now, holdMs: waitMs } : now, this.#asked(events))
  }

  /** Both keep their audio on one disk. */
  async left(meetingId: MeetingId, isClaimed?: boolean): Promise<readonly LeftAudio[]> {
    return (await this.#options.primary.left?.(meetingId, isClaimed)) ?? []
  }

  async leftMeetings(): Promise<readonly MeetingId[]> {
    return (await this.#options.primary.leftMeetings?.()) ?? []
  }

  /** A session is asked for at both: its id says not where it was opened. While the primary is away, what it has is not known yet. */
  async results(of: ForeignSession, signal: AbortSignal): ReturnType<NonNullable<SttPort['results']>> {
    const { primary, fallback } = this.#options
    const wasDown = this.#isDown
    const found = wasDown ? null : await primary.results?.(of, signal)
    return found ?? (await fallback.results?.(of, signal)) ?? (wasDown ? { utterances: [], isWhole: false } : null)
  }

  onPreferred(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Ends the looking for the primary; sessions are their openers' affair. */
  close(): void {
    this.#isClosed = true
    this.#cancelCheck?.()
    this.#cancelCheck = null
  }

  /** Of a session at the fallback. */
  #asked(events: SttEvents): SttEvents {
    return {
      ...relayed(events),
      phase: (phase, detail) => {
        if (phase === 'live') this.#isRefused = false
        events.phase(phase, detail)
      },
      ended: (reason, replaceable, error) => {
        if (DOWN.includes(reason)) this.#isRefused = true
        events.ended(reason, replaceable, error)
      },
    }
  }

  /** Of a session at the primary. @param holdMs the service is not asked before */
  #watched(events: SttEvents, holdMs: number): SttEvents {
    const { clock, afterMs } = this.#options
    let awayMs: number | null = clock.monotonicMs() + holdMs
    return {
      ...relayed(events),
      phase: (phase, detail) => {
        if (phase === 'live') awayMs = null
        else if (phase === 'waiting') awayMs ??= clock.monotonicMs()
        events.phase(phase, detail)
      },
      ended: (reason, replaceable, error) => {
        const isLost = reason === 'session_lost' && awayMs !== null && clock.monotonicMs() - awayMs >= afterMs / 2
        if (!isLost && !DOWN.includes(reason)) return events.ended(reason, replaceable, error)
        this.#goDown(reason, error)
        events.ended('session_lost', true, error)
      },
    }
  }

  #goDown(reason: SttEndReason, error: Error | undefined): void {
    const { clock, logger } = this.#options
    if (this.#isDown || this.#isClosed) return
    this.#isDown = true
    const hasLasted = clock.monotonicMs() - this.#backSinceMs >= STABLE_MS
    this.#checkMs = hasLasted ? CHECK_MS : Math.min(LONGEST_CHECK_MS, this.#checkMs * 2)
    // one incident, however often the service seems to be back
    const facts = { reason, err: error }
    if (hasLasted) logger.error(facts, 'the speech service is away: the fallback takes over')
    else logger.warn(facts, 'the speech service is away again: the fallback takes over')
    this.#checkLater()
  }

  #checkLater(): void {
    this.#cancelCheck = this.#options.clock.after(this.#checkMs, () => void this.#check())
  }

  async #check(): Promise<void> {
    const { clock, logger, isBack } = this.#options
    const isUp = await isBack()
    if (this.#isClosed) return
    if (!isUp) return this.#checkLater()
    this.#isDown = false
    this.#backSinceMs = clock.monotonicMs()
    logger.info({}, 'the speech service is back')
    for (const listener of this.#listeners) listener()
  }
}

/** What is told as it comes. */
const relayed = (events: SttEvents): Omit<SttEvents, 'phase' | 'ended'> => ({
  utterance: (utterance) => events.utterance(utterance),
  acknowledged: (frames) => events.acknowledged(frames),
  gap: (gap) => events.gap(gap),
  pending: (run) => events.pending?.(run),
})
