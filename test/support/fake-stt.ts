import type { MeetingId } from '../../src/core/ids.js'
import type {
  Backlog,
  LeftAudio,
  SttEndReason,
  SttEvents,
  SttGap,
  SttOpenOptions,
  SttPhase,
  SttPort,
  SttSession,
  Utterance,
} from '../../src/live/stt/port.js'

/** An utterance as a test writes it: what is left out gets a plain value. */
export type UtteranceDraft = Partial<Utterance> & { readonly text: string; readonly channel: number }

/** Audio on its way from one session to another, all of it in memory. */
export class FakeBacklog implements Backlog {
  readonly channels: number
  /** interleaved */
  pcm: Int16Array
  isDiscarded = false
  isLeft = false

  constructor(channels: number, pcm: Int16Array) {
    this.channels = channels
    this.pcm = pcm
  }

  get frames(): number {
    return this.pcm.length / this.channels
  }

  skip(frames: number): void {
    this.pcm = this.pcm.subarray(frames * this.channels)
  }

  discard(): Promise<void> {
    this.isDiscarded = true
    return Promise.resolve()
  }

  leave(): Promise<boolean> {
    this.isLeft = true
    return Promise.resolve(true)
  }
}

/**
 * A session that records what it is sent and says what the test tells it to say. By default it is live as soon as
 * it is opened, unless it is held back, acknowledges every block at once, and ends with `done` when it is finished.
 */
export class FakeSttSession implements SttSession {
  readonly options: SttOpenOptions
  readonly events: SttEvents
  /** copies, in order */
  readonly blocks: Int16Array[] = []
  vendorId: string | null = 'fake'
  sentFrames = 0
  acknowledgedFrames = 0
  connections = 1
  malformedMessages = 0
  /** false: its texts could not all be collected */
  hasAllTexts = true
  /** false: the service has not answered yet */
  isTaken = true
  /** false: blocks stay unacknowledged until `acknowledge` */
  autoAcknowledge = true
  /** false: `finish` waits until the test calls `end` */
  autoFinish = true
  /** the argument of the first `finish`, ms; null before */
  finishDeadlineMs: number | null = null
  /** the argument of the last one */
  lastDeadlineMs: number | null = null
  /** what was taken of it */
  taken: FakeBacklog | null = null
  closed = false
  ended: SttEndReason | null = null
  #taken = false
  #takeable = false
  #utterances = 0
  readonly #waiters: (() => void)[] = []

  constructor(options: SttOpenOptions, events: SttEvents) {
    this.options = options
    this.events = events
    if (!(options.backlog instanceof FakeBacklog)) return
    this.blocks.push(options.backlog.pcm)
    this.sentFrames = options.backlog.frames
  }

  get sessionId() {
    return this.options.sessionId
  }
  get channels() {
    return this.options.channels
  }

  send(block: Int16Array): void {
    if (this.ended) return
    this.blocks.push(block.slice())
    this.sentFrames += block.length / this.channels
    if (this.autoAcknowledge) this.acknowledge(this.sentFrames)
  }

  finish(deadlineMs: number): Promise<void> {
    this.finishDeadlineMs ??= deadlineMs
    this.lastDeadlineMs = deadlineMs
    if (this.ended) return Promise.resolve()
    if (this.autoFinish) {
      this.acknowledgeBacklog()
      this.emitPhase('draining')
      this.end('done')
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  close(): Promise<void> {
    this.closed = true
    this.end('aborted')
    return Promise.resolve()
  }

  takeUnacknowledged(): { fromFrame: number; backlog: FakeBacklog } | null {
    if (!this.#takeable || this.#taken || this.acknowledgedFrames >= this.sentFrames) return null
    this.#taken = true
    const rest = this.pcm().slice(this.acknowledgedFrames * this.channels)
    this.taken = new FakeBacklog(this.channels, rest)
    return { fromFrame: this.acknowledgedFrames, backlog: this.taken }
  }

  /** everything sent so far, interleaved */
  pcm(): Int16Array {
    const whole = new Int16Array(this.sentFrames * this.channels)
    let at = 0
    for (const block of this.blocks) {
      whole.set(block, at)
      at += block.length
    }
    return whole
  }

  /** everything sent so far on one channel */
  channelPcm(channel: number): Int16Array {
    return this.pcm().filter((_, index) => index % this.channels === channel)
  }

  /** Reports an utterance; ids count up, a final unless said otherwise. */
  emit(draft: UtteranceDraft): void {
    this.events.utterance({
      sessionId: this.sessionId,
      utteranceId: `u${this.#utterances++}`,
      isFinal: true,
      startSec: 0,
      endSec: 1,
      words: [],
      language: 'en',
      confidence: 1,
      ...draft,
    })
  }

  acknowledge(frames: number): void {
    if (frames <= this.acknowledgedFrames) return
    this.acknowledgedFrames = frames
    this.events.acknowledged(frames)
  }

  /** What it was opened with counts as sent: acknowledged like a block. */
  acknowledgeBacklog(): void {
    if (this.autoAcknowledge) this.acknowledge(this.options.backlog?.frames ?? 0)
  }

  emitGap(gap: SttGap): void {
    this.events.gap(gap)
  }

  emitPhase(phase: SttPhase, detail?: string): void {
    this.events.phase(phase, detail)
  }

  /**
   * Ends the session. As with the real one, unacknowledged frames that are not taken inside `ended` follow as a gap.
   * @param replaceable by default only a lost or unreachable session is
   */
  end(reason: SttEndReason, replaceable = reason === 'session_lost' || reason === 'unreachable', error?: Error): void {
    if (this.ended) return
    this.ended = reason
    this.emitPhase('ended', reason)
    this.#takeable = true
    this.events.ended(reason, replaceable, error)
    this.#takeable = false
    if (!this.#taken && this.acknowledgedFrames < this.sentFrames) {
      this.emitGap({
        fromFrame: this.acknowledgedFrames,
        toFrame: this.sentFrames,
        reason: reason === 'done' || reason === 'drain_timeout' ? 'drain_timeout' : 'session_lost',
      })
    }
    for (const resolve of this.#waiters.splice(0)) resolve()
  }
}

/** Opens fake sessions and keeps them all. */
export class FakeStt implements SttPort {
  readonly sessions: FakeSttSession[] = []
  /** what `left` hands out, by meeting, once */
  readonly leftAudio = new Map<MeetingId, readonly LeftAudio[]>()
  /** how `left` was asked */
  readonly claimed: (boolean | undefined)[] = []
  prepare: ((session: FakeSttSession) => void) | undefined
  /** what the service says of sessions of other processes; absent: it cannot be asked */
  results?: NonNullable<SttPort['results']>

  /** @param prepare called with each new session before it is returned: the place to turn the automatic answers off */
  constructor(prepare?: (session: FakeSttSession) => void) {
    this.prepare = prepare
  }

  /** the newest session */
  get last(): FakeSttSession {
    const session = this.sessions.at(-1)
    if (!session) throw new Error('no session was opened')
    return session
  }

  left(meetingId: MeetingId, isClaimed?: boolean): Promise<readonly LeftAudio[]> {
    this.claimed.push(isClaimed)
    const left = this.leftAudio.get(meetingId) ?? []
    this.leftAudio.delete(meetingId)
    return Promise.resolve(left)
  }

  leftMeetings(): Promise<readonly MeetingId[]> {
    return Promise.resolve([...this.leftAudio.keys()])
  }

  open(options: SttOpenOptions, events: SttEvents): FakeSttSession {
    const session = new FakeSttSession(options, events)
    this.sessions.push(session)
    this.prepare?.(session)
    // told after `open` has returned, as by the real one
    queueMicrotask(() => {
      // what is held back is nowhere yet, until it is asked to end
      if (session.ended || !session.isTaken || (options.holdMs ?? 0) > 0) return
      session.emitPhase('live')
      session.acknowledgeBacklog()
    })
    return session
  }
}
