import { deferred } from '../../../core/deferred.js'
import { toError } from '../../../core/errors.js'
import { Scope } from '../../../core/scope.js'
import type { Logger } from '../../../observe/logger.js'
import type { Backlog, SttEndReason, SttEvents, SttOpenOptions, SttPhase, SttSession } from '../port.js'
import { GladiaApi, type Created } from './api.js'
import { collectResult } from './collect.js'
import { lostConnection, type DropCause } from './close-codes.js'
import { initBody } from './init-body.js'
import { FIRST_STATE, gapReason, HELD_STATE, next, phaseOf, type SessionEffect, type SessionEvent, type SessionState } from './machine.js'
import { parseMessage, type Inbound, type RawResult } from './messages.js'
import { Outage } from './outage.js'
import { Redactor } from './redactor.js'
import { atMost } from '../../../core/within.js'
import { AudioBacklog } from '../spool/backlog.js'
import { sessionBuffer } from '../spool/session-buffer.js'
import { Redial } from './redial.js'
import type { SessionParts } from './session-parts.js'
import { GladiaSocket } from './socket.js'
import type { StreamMap } from './stream-map.js'
import { Uplink } from './uplink.js'
import { UtteranceBook, type StreamView } from './utterances.js'

/** How often the session looks at the clock: pace of a backlog, signs of life, deadlines. */
const TICK_MS = 100
/** Malformed messages told in the log; further ones are only counted. */
const TOLD_MALFORMED = 5

/**
 * One session of Gladia's live API: performs what `machine.ts` decides. Times of its utterances are in the caller's own frames, although
 * the service's stream may have doubled or missing runs (`StreamMap`). What is sent after `finish` or `ended` is not accepted: `sentFrames` stays.
 */
export class GladiaSession implements SttSession {
  readonly #parts: SessionParts
  readonly #options: SttOpenOptions
  readonly #events: SttEvents
  readonly #logger: Logger
  readonly #redactor: Redactor
  readonly #api: GladiaApi
  readonly #uplink: Uplink
  readonly #book: UtteranceBook
  readonly #scope: Scope
  readonly #redial: Redial
  readonly #outage: Outage
  readonly #over = deferred()
  #state: SessionState = FIRST_STATE
  #phase: SttPhase = 'opening'
  readonly #queue: SessionEvent[] = []
  #isStepping = false
  #created: Created | null = null
  #socket: GladiaSocket | null = null
  #connections = 0
  #malformed = 0
  #acknowledgedTold = 0
  /** the service said itself that everything is over */
  #isSettled = false
  #isCollected = false
  #hasProgressed = false
  #cancelWait: (() => void) | null = null
  #lastError: Error | undefined
  /** first frame that may be taken, inside `ended` */
  #takeable: number | null = null
  #finishing: Promise<void> | null = null

  constructor(parts: SessionParts, options: SttOpenOptions, events: SttEvents) {
    this.#parts = parts
    this.#options = options
    this.#events = events
    this.#logger = parts.logger.child({ session: options.sessionId })
    this.#redactor = new Redactor(parts.apiKey)
    this.#api = new GladiaApi({ ...parts, redactor: this.#redactor })
    this.#redial = new Redial(parts.limits, parts.random)
    this.#outage = new Outage(parts.limits, parts.clock.monotonicMs() + (options.holdMs ?? 0))
    this.#uplink = new Uplink({ ...parts, ...options, buffer: sessionBuffer(parts.spool, options, parts.limits.bufferBytes) })
    this.#book = new UtteranceBook(options.sessionId)
    this.#scope = new Scope((name, error) => this.#logger.error({ err: error, name }, 'speech session work failed'))
  }

  get sessionId() {
    return this.#options.sessionId
  }
  get channels(): number {
    return this.#options.channels
  }
  get vendorId(): string | null {
    return this.#created?.id ?? null
  }
  get sentFrames(): number {
    return this.#uplink.buffer.endFrame
  }
  get acknowledgedFrames(): number {
    return this.#acknowledgedTold
  }
  get connections(): number {
    return this.#connections
  }
  get malformedMessages(): number {
    return this.#malformed
  }
  /** which of our frames stands where in the service's stream */
  get stream(): StreamMap {
    return this.#uplink.ledger.map
  }
  get hasAllTexts(): boolean {
    return this.#isCollected || this.#acknowledgedTold === 0
  }

  /** Begins; called once, before anything else. No event is told before it has returned. */
  start(): void {
    const stopTicking = this.#parts.clock.every(TICK_MS, () => this.#tick())
    this.#scope.defer('ticks', stopTicking)
    const { holdMs = 0 } = this.#options
    if (holdMs > 0) this.#state = HELD_STATE
    this.#perform(holdMs > 0 ? { kind: 'wait', attempt: 0, retryAfterMs: holdMs } : { kind: 'post' })
  }

  send(block: Int16Array): void {
    if (this.#state.kind === 'ended' || this.#finishing) return
    this.#uplink.buffer.push(block)
    this.#tellLost()
    this.#pump()
  }

  async finish(deadlineMs: number): Promise<void> {
    const cancel = this.#parts.clock.after(deadlineMs, () => this.#step({ kind: 'drain_deadline' }))
    this.#finishing ??= this.#finish()
    await this.#over.promise
    cancel()
    await this.#finishing
  }

  async close(): Promise<void> {
    this.#step({ kind: 'abort' })
    await this.#over.promise
    await this.#scope.close()
  }

  takeUnacknowledged(): { fromFrame: number; backlog: Backlog } | null {
    const fromFrame = this.#takeable
    this.#takeable = null
    return fromFrame === null ? null : { fromFrame, backlog: new AudioBacklog(this.#uplink.giveBuffer(fromFrame)) }
  }

  async #finish(): Promise<void> {
    this.#step({ kind: 'finish', empty: this.sentFrames === 0 })
    await this.#over.promise
    await this.#scope.close()
  }

  /** The only writer of the state. Events that effects cause wait for their turn. */
  #step(event: SessionEvent): void {
    this.#queue.push(event)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let head = this.#queue.shift(); head; head = this.#queue.shift()) {
      const { state, effects } = next(this.#state, head)
      if (state.kind !== this.#state.kind)
        this.#logger.debug({ from: this.#state.kind, to: state.kind, event: head.kind }, 'speech session state')
      this.#state = state
      const phase = phaseOf(state)
      if (phase && phase !== this.#phase) {
        this.#phase = phase
        this.#tell(() => this.#events.phase(phase, state.kind === 'ended' ? state.reason : state.kind))
      }
      for (const effect of effects) this.#perform(effect)
    }
    this.#isStepping = false
  }

  #perform(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'post':
        return this.#scope.run('create a session', (signal) => this.#post(signal))
      case 'wait':
        return this.#wait(effect.attempt, effect.retryAfterMs)
      case 'dial':
        return this.#dial()
      case 'probe':
        return this.#uplink.probe()
      case 'pump':
        return this.#pump()
      case 'send_stop':
        return this.#uplink.stop()
      case 'abandon':
        return this.#letGo((socket) => socket.abandon())
      case 'hang_up':
        return this.#letGo((socket) => socket.close())
      case 'collect':
        return this.#scope.run('collect the result', (signal) => this.#collect(signal))
      case 'end':
        return this.#end(effect.reason, effect.replaceable)
    }
  }

  async #post(signal: AbortSignal): Promise<void> {
    const answer = await this.#api.create(initBody(this.#options), signal)
    if (signal.aborted) return
    if ('verdict' in answer) {
      this.#lastError = answer.error
      this.#logger.warn({ err: answer.error, verdict: answer.verdict }, 'speech session not created')
      return this.#step({ kind: 'post_failed', verdict: answer.verdict, retryAfterMs: answer.retryAfterMs })
    }
    this.#redactor.addUrl(answer.url)
    this.#created = answer
    this.#outage.created(this.#parts.clock.monotonicMs())
    this.#uplink.buffer.relabel({ sessionId: this.sessionId, vendorId: answer.id })
    this.#logger.info({ vendorId: answer.id, channels: this.channels }, 'speech session created')
    this.#step({ kind: 'posted' })
  }

  #wait(attempt: number, retryAfterMs: number): void {
    const { clock } = this.#parts
    const waitMs = this.#redial.waitMs(clock.monotonicMs(), attempt, retryAfterMs)
    this.#cancelWait?.()
    this.#cancelWait = clock.after(waitMs, () => this.#step({ kind: 'wait_over' }))
  }

  #dial(): void {
    const { clock, limits } = this.#parts
    this.#redial.dialled(clock.monotonicMs())
    this.#hasProgressed = false
    try {
      const socket: GladiaSocket = new GladiaSocket(
        this.#created!.url,
        {
          opened: () => {
            this.#connections++
            this.#outage.connected(clock.monotonicMs())
            this.#step({ kind: 'opened', mustProbe: this.#uplink.attach(socket) })
          },
          text: (message) => this.#receive(parseMessage(message, limits.maxMessageBytes)),
          binary: () => this.#receive({ kind: 'malformed', why: 'binary' }),
          dropped: (cause, detail) => this.#dropped(cause, detail),
        },
        this.#parts,
      )
      this.#socket = socket
    } catch (thrown) {
      this.#dropped({ kind: 'network' }, toError(thrown).message)
    }
  }

  #dropped(cause: DropCause, detail: string): void {
    if (cause.kind === 'closed' && cause.code === 1000 && this.#state.kind === 'draining') this.#isSettled = true
    else {
      const why = this.#redactor.redact(detail).slice(0, 200)
      this.#logger.warn({ cause, why, connections: this.#connections }, 'speech connection lost')
      this.#lastError = lostConnection(cause)
    }
    this.#outage.lost(this.#parts.clock.monotonicMs())
    this.#step({ kind: 'dropped', cause, progressed: this.#hasProgressed })
  }

  #letGo(how: (socket: GladiaSocket) => Promise<void>): void {
    const socket = this.#socket
    this.#socket = null
    this.#outage.disconnected()
    this.#uplink.detach()
    if (socket) this.#scope.run('close a socket', () => how(socket))
  }

  #pump(): void {
    const { kind } = this.#state
    if (kind !== 'live' && kind !== 'replaying') return
    const { idle, flushed } = this.#uplink.pump(this.#state.finishing)
    if (kind === 'replaying' && idle) this.#step({ kind: 'caught_up' })
    if (this.#state.kind === kind && this.#state.finishing && flushed) this.#step({ kind: 'flushed' })
  }

  #tick(): void {
    this.#tellLost()
    if (this.#uplink.tick()) return this.#dropped({ kind: 'stalled' }, 'no progress')
    const { isStable, isOver, alarmMs } = this.#outage.look(this.#parts.clock.monotonicMs(), this.#created !== null)
    if (isStable) this.#step({ kind: 'stable' })
    if (alarmMs !== null && this.#phase !== 'ended') this.#alarm(alarmMs)
    if (isOver) this.#step({ kind: 'give_up' })
    this.#pump()
  }

  /** Once an outage, for all sessions: people should know. */
  #alarm(lastedMs: number): void {
    const facts = { err: this.#lastError, lastedMs: Math.round(lastedMs) }
    if (this.#parts.alarm.raise()) this.#logger.error(facts, 'speech service out of reach, audio is kept')
    this.#tell(() => this.#events.phase(this.#phase, 'out of reach'))
  }

  #receive(message: Inbound): void {
    this.#uplink.heard()
    switch (message.kind) {
      case 'chunk_ack':
        return this.#acknowledge(message.range)
      case 'chunk_refused':
        if (!this.#uplink.refuse()) return
        return this.#dropped({ kind: 'refused', status: message.status }, message.message)
      case 'stop_ack':
        if (message.durationSec !== null) this.#uplink.confirmDuration(message.durationSec)
        this.#tellAcknowledged()
        return this.#step({ kind: 'stop_acknowledged' })
      case 'transcript': {
        const utterance = this.#book.take(message.id, message.isFinal, message.utterance, this.#view())
        if (utterance) this.#tell(() => this.#events.utterance(utterance))
        return
      }
      case 'end_session':
        if (this.#state.kind === 'draining') this.#isSettled = true
        return this.#step({ kind: 'session_end' })
      case 'error':
        return this.#logger.warn({ said: this.#redactor.redact(message.message) }, 'speech service reported an error')
      case 'other':
        return
      case 'malformed':
        return this.#countMalformed(message.why)
    }
  }

  #acknowledge(range: readonly [number, number]): void {
    const outcome = this.#uplink.acknowledge(range)
    if (outcome.kind === 'senseless') return this.#countMalformed('byte_range')
    if (outcome.kind !== 'progress' && outcome.kind !== 'resumed') return
    this.#outage.progressed()
    if (this.#parts.alarm.clear()) this.#logger.info({}, 'speech service is back')
    if (outcome.kind === 'progress') this.#hasProgressed = true
    this.#tellAcknowledged()
    if (outcome.kind === 'progress') return this.#pump()
    const { keptFrames, doubledFrames, lost } = outcome
    for (const run of lost) this.#tell(() => this.#events.gap({ ...run, reason: 'session_lost' }))
    const waitingFrames = this.sentFrames - this.#uplink.ledger.nextFrame
    this.#logger.info({ keptFrames, doubledFrames, waitingFrames, connections: this.#connections }, 'speech connection resumed')
    for (const run of this.#uplink.takePending()) this.#tell(() => this.#events.pending?.(run))
    this.#step({ kind: 'resumed', backlog: waitingFrames > this.#options.sampleRate / 2 })
  }

  #tellAcknowledged(): void {
    const frames = this.#uplink.ledger.acknowledgedFrame
    if (frames <= this.#acknowledgedTold) return
    this.#acknowledgedTold = frames
    this.#tell(() => this.#events.acknowledged(frames))
  }

  #countMalformed(why: string): void {
    this.#malformed++
    if (this.#malformed <= TOLD_MALFORMED) this.#logger.warn({ why, malformed: this.#malformed }, 'speech message dropped')
  }

  /** Tells what the socket did not deliver. A service that keeps no results is believed when one connection saw the end. */
  async #collect(signal: AbortSignal): Promise<void> {
    const outcome = await collectResult(this.#api, this.#created!.id, this.#parts, signal, () => this.#finishing === null)
    if (signal.aborted) return
    if (outcome.kind === 'result') this.#reconcile(outcome.result)
    else this.#logger.warn({ why: outcome.why }, 'speech result not available')
    this.#uplink.confirmTold(this.#book.toldSec * this.#options.sampleRate)
    this.#tellAcknowledged()
    const isWhole = outcome.kind === 'result' && outcome.result.status === 'done' && outcome.result.utterances !== null
    this.#isCollected = isWhole || (this.#isSettled && this.#connections === 1)
    this.#step({ kind: 'collected', complete: this.#isCollected, unacknowledged: this.#uplink.unacknowledged.length > 0 })
  }

  #reconcile(result: RawResult): void {
    this.#malformed += result.malformed
    if (result.audioDurationSec !== null) this.#uplink.confirmDuration(result.audioDurationSec)
    const missing = this.#book.reconcile(result, this.#view())
    if (missing.length > 0) this.#logger.info({ utterances: missing.length }, 'speech result had what the socket did not deliver')
    for (const utterance of missing) this.#tell(() => this.#events.utterance(utterance))
  }

  #end(reason: SttEndReason, replaceable: boolean): void {
    this.#cancelWait?.()
    this.#tellLost()
    const left = this.#uplink.unacknowledged
    this.#takeable = left[0]?.fromFrame ?? null
    this.#logger.info(
      { reason, replaceable, sentFrames: this.sentFrames, acknowledgedFrames: this.#acknowledgedTold },
      'speech session ended',
    )
    this.#tell(() => this.#events.ended(reason, replaceable, reason === 'done' || reason === 'aborted' ? undefined : this.#lastError))
    if (this.#takeable !== null) for (const run of left) this.#tell(() => this.#events.gap({ ...run, reason: gapReason(reason) }))
    this.#takeable = null
    const { buffer } = this.#uplink
    this.#scope.run('empty the spool', () => atMost(this.#parts.clock, this.#parts.limits.closeGraceMs, buffer.clear()))
    this.#over.resolve()
    void this.#scope.close().catch((thrown: unknown) => this.#logger.error({ err: toError(thrown) }, 'speech session close failed'))
  }

  #tellLost(): void {
    for (const run of this.#uplink.buffer.takeLost()) this.#tell(() => this.#events.gap({ ...run, reason: 'buffer_full' }))
  }

  #view(): StreamView {
    return { map: this.#uplink.ledger.map, sampleRate: this.#options.sampleRate, sentFrames: this.#uplink.sentFrames }
  }

  /** A listener that throws has a bug; it must not take the socket down with it. */
  #tell(say: () => void): void {
    try {
      say()
    } catch (thrown) {
      this.#logger.error({ err: toError(thrown) }, 'speech session listener threw')
    }
  }
}
