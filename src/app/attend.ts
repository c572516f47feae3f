import { claimLossOf, ClaimLostError, ConflictError, NotFoundError, toError, UpstreamError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import type { JobQueue } from '../followup/port.js'
import type { BotDeps, BotOptions, BotOutcome, MeetingObserver } from '../live/bot/bot.js'
import type { Tenure } from '../live/bot/inheritance.js'
import { MeetingBot } from '../live/bot/meeting-bot.js'
import { LastingFault } from '../observe/lasting-fault.js'
import { BACK_WITHIN_MS, type ClaimBook, type TakenClaim } from '../records/claims.js'
import { handoverStore } from '../records/handover-store.js'
import { FINAL_STATES, type MeetingRecord } from '../records/port.js'
import { AUTO_CHANNELS } from '../live/audio/lease/sizing.js'
import { BeatWatch, BLIND_MS, CALM_LOOK_MS, DEAD_AFTER_MS, LOOK_MS, type StoreWatch } from './beat-watch.js'
import type { Settings } from './config/settings.js'
import { Release } from './release.js'
import { timed } from './store-time.js'
import { Turns } from './turns.js'

/** After so many looks a holder has been seen to live. */
const SEEN_ALIVE = Math.ceil((2 * DEAD_AFTER_MS) / LOOK_MS)

/** A store that ends every look after its time is asked for so long: then the attempt has failed, and the job may be what never ends. */
const LONGEST_TIMEOUTS_MS = 10 * 60_000

/** So many meetings of others are told of once. */
const MAX_ELSEWHERE = 1_000

/** A join that takes longer does not keep the next meeting waiting. */
const LONGEST_ENTRY_MS = 2_000

/** Bot options as the settings say. */
export function botOptions(settings: Settings): BotOptions {
  return {
    policy: {
      joinForMs: 20_000,
      rejoinForMs: 5 * 60_000,
      aloneMs: settings.aloneSec * 1000,
      nobodyMs: settings.nobodySec * 1000,
      tooLongMs: settings.maxMeetingSec * 1000,
    },
    botName: settings.botName,
    screenShareAudio: settings.screenShareAudio,
    captions: settings.captions,
    channels: settings.channels === 'auto' ? AUTO_CHANNELS : { max: settings.channels, mode: 'fixed' },
    idleCloseMs: settings.idleCloseSec * 1000,
    drainMs: settings.drainSec * 1000,
    vocabulary: settings.vocabulary,
  }
}

/** What an attendance works with. */
export interface AttendanceParts {
  readonly deps: BotDeps
  readonly options: BotOptions
  readonly claims: ClaimBook
  readonly queue: Pick<JobQueue, 'followUp'>
  /** makes the watcher of a meeting: the terminal, the live feed */
  readonly observe: (meeting: MeetingRecord) => MeetingObserver
  /** why nothing new is begun here now; null: there is room. Absent: always */
  readonly whyFull?: () => string | null
  /** how many meetings may run at once in all processes together; absent or null: any number */
  readonly places?: number | null
  /** of the store, by this process's own signs of life: when it has answered all along, the silence of another process tells something */
  readonly watch: Pick<StoreWatch, 'isSteady' | 'hasWatched'>
  /** a meeting that was run here has ended here */
  readonly ended?: () => void
  /** somebody else, who lives, runs the meeting that was asked for: it is watched over on. Absent: its job is put off, and looks again */
  readonly elsewhere?: (id: MeetingId) => void
}

interface Run {
  readonly bot: MeetingBot
  readonly stop: AbortController
  readonly release: Release
  readonly done: Promise<BotOutcome>
  /** its jobs that are still this process's */
  readonly jobs: Set<AbortSignal>
  /** ends the wait of the job that was lost and kept its place */
  free: () => void
}

/**
 * The meetings of one process.
 * T1 One bot a meeting and process, whatever the queue does: a job that comes again joins the bot that runs. T2 The claim decides who
 * runs a meeting, the queue only who looks: a job whose lock is lost changes nothing. T3 A claim is taken from nobody who gives signs of
 * life, unless it was released; the job of such a meeting is put off and looks again, here or where the bot is. T4 A job ends when its
 * meeting is over or purged, never before. T5 On the way out a meeting is released, its job goes back to the queue, and its bot hears on until
 * another one is in the room; a store that is away is asked again until it has taken the release, or the meeting is ended here.
 * T6 Meetings that are handed over to this process are entered one after the other. T7 A bot takes one place among those of the jobs,
 * whether its job is here or was lost; a job that finds its meeting run elsewhere takes one for as long as it looks.
 */
export class Attendance {
  readonly #parts: AttendanceParts
  readonly #deps: BotDeps
  readonly #runs = new Map<MeetingId, Run>()
  readonly #turns: Turns
  /** meetings of others that were told of, the one looked at last at the end: others may see the end of them */
  readonly #elsewhere = new Set<MeetingId>()
  #mode: 'open' | 'handover' | 'stop' = 'open'

  constructor(parts: AttendanceParts) {
    this.#parts = parts
    this.#turns = new Turns(parts.deps.clock, LONGEST_ENTRY_MS)
    this.#deps = { ...parts.deps, store: handoverStore(parts.deps.store, parts.claims) }
  }

  /** how many bots run here */
  get running(): number {
    return this.#runs.size
  }

  /**
   * One `attend` job, until the meeting is over.
   * @param signal aborted by a ClaimLostError: the job runs elsewhere too; by anything else: it is to go back to the queue
   * @throws signal.reason when it goes back, or is here no more; UpstreamError what is worth another attempt, `run_elsewhere` among it
   */
  async attend(id: MeetingId, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const full = this.#runs.has(id) ? null : (this.#parts.whyFull?.() ?? null)
      // what runs here needs the room that is left: the job waits, for this process or another one
      if (full !== null) throw new UpstreamError('no_room', full, { service: 'process', retryable: true })
      const run = this.#runs.get(id) ?? (await this.#take(id, signal))
      if (!run) return
      const outcome = await this.#accompany(run, signal)
      // somebody else has it: this job looks after that one
      if (!outcome.claimLost) return
    }
  }

  /** Nothing new is taken. `handover`: meetings are given away as their jobs go back; `stop`: they end now. */
  leave(how: 'handover' | 'stop'): void {
    if (this.#mode === 'stop') return
    this.#mode = how
    for (const run of this.#runs.values()) {
      run.free()
      if (how === 'stop') run.stop.abort(new Error('this process is stopping'))
      else void run.release.begin()
    }
  }

  /** Resolves when no bot runs here any more. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await Promise.allSettled([...this.#runs.values()].map((run) => run.done))
  }

  /**
   * Looks, and watches, until the meeting is over or purged (null), may be run here, or is seen to be run elsewhere. A store that is away is asked
   * again, as long as the job is ours: that is no failure of the job. One that answers, but ends every look after its time, is one in the end.
   */
  async #take(id: MeetingId, signal: AbortSignal): Promise<Run | null> {
    const { clock, logger } = this.#deps
    const watch = new BeatWatch()
    const fault = new LastingFault(
      { clock, logger: logger.child({ meeting: id }) },
      {
        failed: 'it is not known whose the meeting is',
        lasts: 'it has not been known for a minute whose the meeting is: the store is away',
        over: 'it is known again whose the meeting is',
      },
    )
    let timedOutMs: number | null = null
    for (let looks = 0; ; looks++) {
      signal.throwIfAborted()
      // a meeting that waits its turn is left to the next process
      if (this.#mode !== 'open') throw new UpstreamError('stopping', 'this process is stopping', { service: 'process', retryable: true })
      try {
        const answer = await this.#look(id, watch, signal)
        fault.worked()
        timedOutMs = null
        if (answer !== 'elsewhere') {
          this.#elsewhere.delete(id)
          return answer
        }
        if (!this.#elsewhere.delete(id)) logger.info({ meeting: id }, 'meeting is run elsewhere: watching over it')
        this.#elsewhere.add(id)
        const [longestAgo] = this.#elsewhere
        if (this.#elsewhere.size > MAX_ELSEWHERE && longestAgo) this.#elsewhere.delete(longestAgo)
        // for hours, perhaps: a place is worth more than the second or two that a death is seen later
        if (!this.#parts.elsewhere && watch.isAlive) throw runElsewhere()
        if (looks === SEEN_ALIVE) this.#parts.elsewhere?.(id)
      } catch (thrown) {
        // it was deleted, and is purged
        if (thrown instanceof NotFoundError) return null
        // without a place the job waits, and not in here: whoever is to be taken over needs the room
        if (!(thrown instanceof UpstreamError) || !thrown.retryable || thrown.service === 'process') throw thrown
        if (thrown.code !== 'database_timeout') timedOutMs = null
        else if (clock.monotonicMs() - (timedOutMs ??= clock.monotonicMs()) >= LONGEST_TIMEOUTS_MS) throw thrown
        watch.blind()
        fault.failed(thrown)
      }
      await clock.sleep(looks < SEEN_ALIVE ? LOOK_MS : CALM_LOOK_MS, signal)
    }
  }

  /** One look at a meeting: it is over, it is run here from now on, or somebody else has it. */
  async #look(id: MeetingId, watch: BeatWatch, signal: AbortSignal): Promise<Run | null | 'elsewhere'> {
    const { claims, queue, places, watch: own } = this.#parts
    const { clock, store } = this.#deps
    const meeting = await store.meeting(id)
    if (FINAL_STATES.includes(meeting.state)) return null
    if (meeting.state === 'finalising') {
      await queue.followUp(id)
      return null
    }
    const fromMs = clock.monotonicMs()
    const standing = await claims.standing(id)
    if (clock.monotonicMs() - fromMs > BLIND_MS) watch.blind()
    const isFree = standing.holder === null || standing.holder === claims.holder || standing.isReleased
    if (!isFree && !watch.isDead(standing, clock.monotonicMs(), own.isSteady(clock.monotonicMs()))) return 'elsewhere'
    // T6: whoever waits is heard by the bot before, and a join that has the processor to itself leaves the shortest hole
    const entered = standing.isReleased ? await this.#turns.take() : () => undefined
    try {
      signal.throwIfAborted()
      // the job may have come twice, and the other one was faster
      const askedMs = clock.monotonicMs()
      const taken = this.#runs.has(id) ? null : await claims.take(id, standing, places)
      if (taken) return this.#start(meeting, await timed(claims, taken, askedMs, clock), entered)
      entered()
    } catch (thrown) {
      entered()
      throw thrown
    }
    return this.#runs.get(id) ?? 'elsewhere'
  }

  /** @param entered called when the bot is in the room, or will not be */
  #start(meeting: MeetingRecord, taken: TakenClaim, entered: () => void): Run {
    const { options, observe } = this.#parts
    const stop = new AbortController()
    const observer = observe(meeting)
    const state: MeetingObserver['state'] = (now, reason) => {
      if (now !== 'joining' && now !== 'reconnecting') entered()
      observer.state?.(now, reason)
    }
    const bot = new MeetingBot(this.#deps, options, meeting, taken.claim, { ...observer, state }, this.#tenure(taken))
    const done = this.#run(bot, meeting.id, stop.signal).finally(() => {
      entered()
      stop.abort(new Error('the meeting is over here'))
      this.#runs.delete(meeting.id)
      this.#parts.ended?.()
    })
    // the job that waits for it may have gone back to the queue
    done.catch((thrown: unknown) => this.#deps.logger.warn({ meeting: meeting.id, err: toError(thrown) }, 'bot failed'))
    const run: Run = {
      bot,
      stop,
      release: new Release(this.#deps, meeting.id, bot, stop.signal),
      done,
      jobs: new Set(),
      free: () => undefined,
    }
    this.#runs.set(meeting.id, run)
    if (this.#mode === 'stop') stop.abort(new Error('this process is stopping'))
    return run
  }

  async #run(bot: MeetingBot, id: MeetingId, stop: AbortSignal): Promise<BotOutcome> {
    try {
      const outcome = await bot.run(stop)
      if (!outcome.claimLost && !outcome.failed) await this.#parts.queue.followUp(id)
      return outcome
    } catch (thrown) {
      if (claimLossOf(thrown) === null && !(thrown instanceof ConflictError)) throw thrown
      this.#deps.logger.warn({ meeting: id, err: toError(thrown) }, 'meeting is run elsewhere, or deleted')
      return { reason: 'duplicate_identity', failed: false, complete: false, claimLost: true, handedOver: false }
    }
  }

  #tenure({ claim, elapsedMs, storeNowMs, silentMs, isReleased }: TakenClaim): Tenure {
    const { claims, watch } = this.#parts
    const isSilent = (silentMs ?? 0) >= BACK_WITHIN_MS && watch.hasWatched(this.#deps.clock.monotonicMs())
    return {
      elapsedMs,
      storeNowMs,
      silentMs,
      // it may have died while nobody was there to take its meeting: then nobody has heard it since. A store that stood still says nothing of it
      isReleased: isReleased && !isSilent,
      release: () => claims.release(claim),
      left: (atMs) => claims.left(claim, atMs),
      leftBefore: () => claims.leftBefore(claim),
      entered: () => claims.entered(claim),
      settled: () => claims.settled(claim),
      before: () => claims.before(claim),
      revoke: (epochs) => claims.revoke(claim, epochs),
      check: async () => {
        try {
          return (await claims.standIn(claim)).epoch === claim.epoch ? 'held' : 'released'
        } catch (thrown) {
          if (thrown instanceof ClaimLostError) return 'lost'
          throw thrown
        }
      },
    }
  }

  /** Waits for the end of a bot. @throws signal.reason the job goes back to the queue, or is another worker's */
  async #accompany(run: Run, signal: AbortSignal): Promise<BotOutcome> {
    run.jobs.add(signal)
    // the one that was lost has come back: its place is free
    run.free()
    let onAbort!: () => void
    const aborted = new Promise<'aborted'>((resolve) => {
      onAbort = () => resolve('aborted')
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
    const first = await Promise.race([run.done, aborted]).finally(() => {
      signal.removeEventListener('abort', onAbort)
      run.jobs.delete(signal)
    })
    if (first !== 'aborted') return first
    if (signal.reason instanceof ClaimLostError) {
      run.bot.checkClaim()
      return this.#keepPlace(run, signal.reason)
    }
    if (this.#mode === 'handover') await run.release.begin()
    throw signal.reason
  }

  /** T7: a bot whose job was lost takes its place on, until another job of it is here or nothing new is begun. @throws lost there is one */
  #keepPlace(run: Run, lost: ClaimLostError): Promise<BotOutcome> {
    const isHere = run.jobs.size > 0 || this.#mode !== 'open'
    const freed = new Promise<never>((_, reject) => {
      run.free = () => reject(lost)
      if (isHere) run.free()
    })
    return Promise.race([run.done, freed])
  }
}

const runElsewhere = () => new UpstreamError('run_elsewhere', 'another process runs the meeting', { service: 'process', retryable: true })
