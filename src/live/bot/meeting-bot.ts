import { backoffMs } from '../../core/backoff.js'
import { claimLossOf, toError, UpstreamError, type ClaimLoss } from '../../core/errors.js'
import { Scope } from '../../core/scope.js'
import { deferred } from '../../core/deferred.js'
import { createEvents, type BusinessEvents } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, MeetingRecord, MeetingState } from '../../records/port.js'
import type { RoomConnection, RoomEndReason } from '../room/port.js'
import { botIdentity, type BotDeps, type BotOptions, type BotOutcome, type MeetingObserver } from './bot.js'
import { Audience } from './audience.js'
import { Handover } from './handover.js'
import type { Tenure } from './inheritance.js'
import { Journal } from './journal.js'
import { Legacy } from './legacy.js'
import { begin, joinFailure, meetingState, next, type BotEffect, type BotEvent, type BotState, type BotTimer } from './lifecycle.js'
import { Pause } from './pause.js'
import { leaveShare, storeWhole, wholeSessions } from './past.js'
import { Patience } from './patience.js'
import { People } from './people.js'
import { receiptFacts, receiptOf } from './receipt.js'
import { RoomListener } from './room-listener.js'
import { Scribe } from './scribe.js'
import { StateWrites } from './state-writes.js'
import { StopCheck } from './stop-check.js'
import { Timers } from './timers.js'

const JOIN_BACKOFF = { firstMs: 500, maxMs: 5_000 }

/** One meeting from join to leave. Used once. */
export class MeetingBot {
  readonly #deps: BotDeps
  readonly #options: BotOptions
  readonly #meeting: MeetingRecord
  readonly #claim: Claim
  readonly #observer: MeetingObserver
  readonly #logger: Logger
  readonly #business: BusinessEvents
  readonly #scope: Scope
  readonly #people = new People()
  readonly #timers: Timers<BotTimer>
  readonly #done = deferred()
  readonly #startMs: number
  readonly #journal: Journal
  readonly #patience: Patience
  readonly #scribe: Scribe
  readonly #listener: RoomListener
  readonly #pause: Pause
  readonly #audience: Audience
  #connection: RoomConnection | null = null
  #joining: AbortController | null = null
  #state: BotState = { kind: 'joining', attempt: 0, again: false, wasLive: false }
  #claimLost: ClaimLoss | null = null
  readonly #stopCheck: StopCheck
  readonly #handover: Handover
  readonly #legacy: Legacy
  readonly #storeNowMs: number | undefined
  #complete = false
  readonly #states: StateWrites
  #told: MeetingState | null = null

  /** @param tenure absent: no other process runs bots on this store */
  constructor(
    deps: BotDeps,
    options: BotOptions,
    meeting: MeetingRecord,
    claim: Claim,
    observer: MeetingObserver,
    tenure: Tenure | null = null,
  ) {
    this.#deps = deps
    this.#timers = new Timers(deps.clock)
    this.#storeNowMs = tenure?.storeNowMs
    this.#options = options
    this.#meeting = meeting
    this.#claim = claim
    this.#observer = observer
    this.#logger = deps.logger.child({ meeting: meeting.id, room: meeting.room })
    this.#business = deps.business ?? createEvents(null)
    this.#scope = new Scope((name, error) => this.#fault(name, error))
    this.#patience = new Patience(deps)
    const [isClaimLost, claimLost] = [() => this.#claimLost !== null, (loss: ClaimLoss) => this.#loseClaim(loss)]
    this.#states = new StateWrites({ ...deps, claim, patience: this.#patience, logger: this.#logger, isClaimLost, claimLost })
    const seen = ({ stopRequested, paused }: MeetingRecord) => {
      this.#pause.set(paused)
      if (stopRequested) this.#handle({ kind: 'stop', reason: 'stopped' })
    }
    this.#stopCheck = new StopCheck({ ...deps, id: meeting.id, scope: this.#scope, logger: this.#logger, seen, claimLost })
    this.#audience = new Audience({
      observer,
      business: this.#business,
      scope: this.#scope,
      nameOf: (identity) => this.#people.name(identity),
      meetingMs: () => this.#scribe.meetingMs(),
      captionsTo: () => (options.captions && this.#state.kind !== 'ended' ? this.#connection : null),
      isElsewhere: () => this.#claimLost !== null || this.#handover.isHandedOver,
    })
    // a takeover goes on in the same meeting time
    const elapsed = meeting.startedAt === null ? 0 : (tenure?.elapsedMs ?? Math.max(0, deps.clock.nowMs() - Date.parse(meeting.startedAt)))
    this.#startMs = deps.clock.monotonicMs() - elapsed
    this.#journal = new Journal(
      { store: deps.store, logs: deps.finals ?? null, claim, clock: deps.clock, logger: this.#logger, random: deps.random },
      {
        stored: (segment) => this.#audience.stored(segment),
        gapStored: (gap) => this.#observer.gap?.(gap),
        claimLost,
      },
    )
    this.#scribe = new Scribe(
      {
        meetingId: meeting.id,
        stt: deps.stt,
        clock: deps.clock,
        logger: this.#logger,
        business: this.#business,
        scope: this.#scope,
        journal: this.#journal,
        meetingStartMs: this.#startMs,
        drainMs: options.drainMs,
        audio: { detector: deps.detector, channels: options.channels, tunables: { idleCloseMs: options.idleCloseMs } },
        hints: () => ({ language: meeting.language, vocabulary: this.#people.words([...meeting.vocabulary, ...options.vocabulary]) }),
        onFault: (thrown) => this.#fault('audio', toError(thrown)),
      },
      {
        interim: (segments) => this.#audience.interim(segments),
        activity: (activity) => this.#audience.activity(activity),
        failed: (reason, error) => {
          if (error) this.#observer.error?.(error)
          this.#handle({ kind: 'speechFailed', reason })
        },
      },
    )
    this.#handover = new Handover({
      tenure,
      store: deps.store,
      people: this.#people,
      clock: deps.clock,
      logger: this.#logger,
      meetingMs: () => this.#scribe.meetingMs(),
      gap: (gap) => this.#scribe.gap(gap),
      keep: (then) => this.#scope.run('keep gaps', () => this.#journal.flush().then(then)),
      open: () => this.#listener.open(),
    })
    const { scribe: own, handover, logger } = { scribe: this.#scribe, handover: this.#handover, logger: this.#logger }
    this.#legacy = new Legacy({ ...deps, meetingId: meeting.id, scribe: own, handover, scope: this.#scope, logger })
    this.#listener = new RoomListener({
      clock: deps.clock,
      isHeld: meeting.startedAt !== null && tenure?.isReleased === true,
      people: this.#people,
      scribe: this.#scribe,
      handover: this.#handover,
      keep: (participants) => this.#journal.participants(participants),
      present: (count) => this.#handle({ kind: 'people', count }),
      reconnecting: () => this.#handle({ kind: 'reconnecting' }),
      reconnected: () => this.#handle({ kind: 'reconnected', people: this.#people.present }),
      ended: (reason, error) => this.#roomEnded(reason, error),
    })
    this.#pause = new Pause({
      listener: this.#listener,
      rest: (isResting) => this.#scribe.rest(isResting),
      connection: () => this.#connection,
      scope: this.#scope,
      logger: this.#logger,
    })
  }

  /** Runs to the end; never rejects but for a store that refuses the outcome. @param signal asks for the end (`shutdown`) */
  async run(signal: AbortSignal): Promise<BotOutcome> {
    const onAbort = () => this.#handle({ kind: 'stop', reason: 'shutdown' })
    const unsubscribe = this.#deps.store.subscribe(this.#meeting.id, (event) => {
      // what is asked for before it has begun is looked for then
      if (event.kind !== 'state' || this.#told === null) return
      this.#checkStop()
      if (!this.#handover.isReleased) this.checkClaim()
    })
    try {
      if (this.#meeting.startedAt === null) {
        const startedAt = new Date(this.#storeNowMs ?? this.#deps.clock.nowMs()).toISOString()
        await this.#deps.store.setState(this.#claim, 'joining', null, { startedAt })
      }
      // the store plans its statements at the first call: the first words must not wait for that
      await this.#deps.store.appendSegments(this.#claim, [])
      await this.#journal.open()
      const past = this.#meeting.startedAt === null ? null : await this.#handover.inherit(this.#meeting.id)
      if (past) this.#legacy.begin()
      this.#pause.set(this.#meeting.paused)
      const first = begin(this.#options.policy, past)
      this.#state = first.state
      this.#told = meetingState(first.state)
      if (past) this.#states.write(this.#told, null)
      this.#observer.state?.(this.#told, null)
      this.#business.meetingBegan(this.#logger)
      // the bot before this one was about to end the meeting
      if (this.#meeting.state === 'draining') this.#handle({ kind: 'stop', reason: this.#meeting.reason ?? 'stopped' })
      else this.#perform(first.effects)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      this.#checkStop()
      await this.#done.promise
    } catch (thrown) {
      await this.#abandon()
      throw thrown
    } finally {
      signal.removeEventListener('abort', onAbort)
      unsubscribe()
      this.#timers.cancelAll()
    }
    this.#patience.limit(signal)
    return this.#conclude()
      .catch(async (thrown: unknown) => {
        const loss = claimLossOf(thrown)
        await this.#scribe.letGo(loss === 'purged')
        this.#business.meetingEnded(this.#logger, { state: loss ? 'taken_over' : 'failed', reason: 'internal_fault', complete: false })
        throw thrown
      })
      .finally(() => this.#patience.close())
  }

  /** It could not begin: what its parts have begun ends, and another attempt is a bot of its own. */
  async #abandon(): Promise<void> {
    this.#state = { kind: 'ended', reason: 'internal_fault', failed: true }
    await this.#scope.close()
    await this.#scribe.close()
    await this.#journal.close(0)
    this.#patience.close()
  }

  /**
   * Lets another process take the meeting; until it is in the room, this bot hears and writes on.
   * @returns false when there is nothing to take over: the meeting is ending here
   * @throws ClaimLostError, UpstreamError
   */
  async release(): Promise<boolean> {
    if (this.#claimLost || this.#state.kind === 'draining' || this.#state.kind === 'ended') return false
    return this.#handover.release()
  }

  /** Asks whether the claim still stands, and yields when it does not. */
  checkClaim(): void {
    if (this.#state.kind === 'ended') return
    this.#scope.run('check claim', async (signal) => {
      if ((await this.#handover.whose(signal)) === 'lost') this.#yield('taken')
    })
  }

  async #conclude(): Promise<BotOutcome> {
    const { reason, failed } = this.#state.kind === 'ended' ? this.#state : { reason: 'internal_fault' as const, failed: true }
    const lostSegments = await this.#journal.close(this.#patience.signal)
    if (lostSegments > 0) this.#logger.error({ segments: lostSegments }, 'segments could not be stored')
    await this.#states.settled()
    const past = { ...this.#deps, claim: this.#claim, patience: this.#patience, logger: this.#logger }
    const names = this.#people.names()
    const own = receiptOf(this.#scribe.coverage(names), { areTextsLost: lostSegments > 0 })
    if (!this.#claimLost && !(await this.#patience.run(() => this.#handover.isTaken(this.#scope.signal)))) {
      const receipt = await storeWhole(past, own, { names, isAlone: this.#meeting.startedAt === null, isFailed: failed, reason })
      this.#complete = receipt.complete
      this.#business.receiptMade(this.#logger, receiptFacts(receipt, await wholeSessions(past, this.#scribe.sessions())))
      this.#observer.state?.(failed ? 'failed' : 'finalising', reason)
    } else if (!this.#claimLost) await leaveShare(past, own)
    await this.#scribe.letGo(this.#claimLost === 'purged')
    if (this.#handover.isHandedOver && !this.#claimLost) await this.#handover.settled()
    await this.#scope.close()
    const isTaken = this.#claimLost !== null || this.#handover.isHandedOver
    const state = this.#claimLost ? 'taken_over' : isTaken ? 'handed_over' : failed ? 'failed' : 'done'
    this.#business.meetingEnded(this.#logger, { state, reason, complete: this.#complete })
    return { reason, failed, complete: this.#complete, claimLost: isTaken, handedOver: this.#handover.isHandedOver && !this.#claimLost }
  }

  /** The one place that changes the state. */
  #handle(event: BotEvent): void {
    if (event.kind === 'stop' && event.reason === 'shutdown') this.#scribe.hurry()
    const before = this.#state
    const { state, effects } = next(this.#options.policy, before, event)
    this.#state = state
    if (before.kind !== state.kind) this.#logger.info({ from: before.kind, to: state.kind, event: event.kind }, 'bot state changed')
    const shown = meetingState(state)
    if (state.kind !== 'ended' && shown !== this.#told) {
      this.#told = shown
      if (shown === 'reconnecting') this.#business.reconnecting('room')
      const reason = state.kind === 'draining' ? state.reason : null
      if (!this.#handover.isHandedOver) {
        this.#states.write(shown, reason)
        this.#observer.state?.(shown, reason)
      }
    }
    this.#perform(effects)
    if (state.kind === 'ended') this.#done.resolve()
  }

  #perform(effects: readonly BotEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'join') this.#scope.run('join', () => this.#join(effect.attempt))
      else if (effect.kind === 'drain') this.#scope.run('drain', () => this.#drain())
      else if (effect.kind === 'cancel') this.#timers.cancel(effect.timer)
      else this.#timers.start(effect.timer, effect.ms, () => this.#handle({ kind: 'timer', timer: effect.timer }))
    }
  }

  async #join(attempt: number): Promise<void> {
    const abort = new AbortController()
    this.#joining = abort
    try {
      if (attempt > 0) await this.#deps.clock.sleep(backoffMs(JOIN_BACKOFF, attempt, this.#deps.random), abort.signal)
      const { room } = this.#meeting
      const botName = this.#meeting.botName ?? this.#options.botName
      const options = { room, botIdentity: botIdentity(room), botName, screenShareAudio: this.#options.screenShareAudio }
      this.#handover.asked()
      const connection = await this.#deps.room.join(options, this.#listener.events(abort.signal), abort.signal)
      if (abort.signal.aborted) {
        await connection.close()
        return
      }
      this.#connection = connection
      this.#listener.connected()
      this.#pause.show()
      this.#scope.run('enter', (signal) => this.#handover.entered(signal))
      this.#handle({ kind: 'joined', people: this.#people.present })
    } catch (thrown) {
      if (abort.signal.aborted) return
      const error = toError(thrown)
      this.#logger.warn({ err: error, attempt }, 'join failed')
      this.#observer.error?.(error)
      this.#handle({ kind: 'joinFailed', reason: joinFailure(error), retryable: error instanceof UpstreamError && error.retryable })
    }
  }

  #roomEnded(reason: RoomEndReason, error: Error | undefined): void {
    this.#logger.info({ reason, err: error }, 'room connection ended')
    if (error) this.#observer.error?.(error)
    const connection = this.#connection
    this.#connection = null
    this.#joining?.abort(new Error('room connection ended'))
    if (connection) this.#scope.run('close room', () => connection.close())
    const now = this.#scribe.meetingMs()
    const heardMs = this.#listener.disconnected(connection?.heldBackMs ?? 0)
    if (this.#handover.isDecidedByClaim(reason)) this.#scope.run('rival', (signal) => this.#rivalJoined(now, heardMs, signal))
    else this.#left(reason, now)
  }

  #left(reason: RoomEndReason, nowMs: number): void {
    this.#handle({ kind: 'roomEnded', why: reason })
    if (this.#state.kind === 'joining') this.#listener.rejoining(nowMs)
  }

  /** Somebody joined under the bot's name. Whose the meeting is, the claim says: its owner comes back, anybody else yields. */
  async #rivalJoined(nowMs: number, heardMs: number, signal: AbortSignal): Promise<void> {
    const answer = await this.#handover.rival(heardMs, signal)
    if (answer === 'lost') this.#yield('taken')
    else this.#left(answer === 'yield' ? 'duplicate_identity' : 'connection_lost', nowMs)
  }

  #fault(name: string, error: Error): void {
    this.#logger.error({ err: error, work: name }, 'meeting ended by a fault')
    this.#observer.error?.(error)
    this.#handle({ kind: 'fault' })
    // a drain that failed itself must not hang the meeting
    if (name === 'drain') this.#handle({ kind: 'drained' })
  }

  #checkStop(): void {
    if (this.#state.kind !== 'ended') this.#stopCheck.ask()
  }

  /** A write was refused. Of a released meeting, that may be the new owner's to write; what was heard here is still taken, unless it was revoked. */
  #loseClaim(loss: ClaimLoss): void {
    if (this.#handover.isReleased && loss === 'taken') this.checkClaim()
    else this.#yield(loss)
  }

  #yield(why: ClaimLoss): void {
    if (this.#claimLost) return
    this.#claimLost = why
    this.#logger.warn({ why }, 'claim lost: another process owns this meeting, or it was deleted')
    if (this.#state.kind === 'draining') this.#scope.run('nothing more is sent', () => this.#scribe.close())
    this.#handle({ kind: 'stop', reason: 'duplicate_identity' })
  }

  /** Leaves first, so that nothing new comes; then everything heard is brought to text. */
  async #drain(): Promise<void> {
    this.#joining?.abort(new Error('meeting is ending'))
    const connection = this.#connection
    this.#connection = null
    const heardMs = this.#listener.leave()
    this.#handover.settle()
    const left = connection?.close().catch((thrown: unknown) => this.#logger.warn({ err: toError(thrown) }, 'leaving the room failed'))
    const told = this.#handover.leaves(heardMs)
    try {
      if (this.#claimLost) await this.#scribe.close()
      else {
        const waitMs = this.#handover.isHandedOver ? 0 : this.#options.drainMs
        await this.#legacy.adopted(waitMs)
        await Promise.all([this.#scribe.finish(), this.#legacy.finish(waitMs)])
      }
    } finally {
      await Promise.all([left, told])
      await this.#scribe.close()
    }
    this.#handle({ kind: 'drained' })
  }
}
