import { backoffMs } from '../../core/backoff.js'
import { deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { MeetingId, SessionId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { BACK_WITHIN_MS } from '../../records/claims.js'
import type { MeetingStore, SessionRecord } from '../../records/port.js'
import type { Gap } from '../audio/span.js'
import type { ForeignSession, LeftAudio, SttPort } from '../stt/port.js'
import type { Segment } from '../transcript/segment.js'
import { sentAgainBefore, unknownTexts, type SentAgain } from './foreign-texts.js'
import type { Handover } from './handover.js'
import type { Left } from './inheritance.js'
import { historyOf, reachOf, unsentOf } from './left-audio.js'
import type { Scribe } from './scribe.js'
import { leaveBehind } from './unsent.js'
import { unreturned, type Bequest } from './unreturned.js'

/** What a legacy works with. */
export interface LegacyParts {
  readonly meetingId: MeetingId
  readonly store: Pick<MeetingStore, 'sessions' | 'spans' | 'segments' | 'gaps'>
  readonly stt: SttPort
  readonly scribe: Pick<
    Scribe,
    'goOn' | 'inherit' | 'adopt' | 'attribute' | 'frameOf' | 'copiedFrom' | 'add' | 'gap' | 'gaps' | 'sessions' | 'reached'
  >
  readonly handover: Pick<
    Handover,
    'fate' | 'hasDead' | 'living' | 'revoke' | 'left' | 'heardBefore' | 'written' | 'isHandedOver' | 'isUnsaid'
  >
  readonly clock: Clock
  readonly random: () => number
  readonly scope: Scope
  readonly logger: Logger
}

/** What earlier bots left, and what of it is sent again, or was. */
interface Estate {
  readonly segments: Segment[]
  readonly adopted: readonly SentAgain[]
  again: readonly SentAgain[]
}

/** What is known of audio on this disk. */
interface OnDisk {
  /** how far the service is known to have had each session */
  readonly reached: Map<SessionId, number>
  readonly adopted: SentAgain[]
  /** it is not waited for any more: what it still brings stays there, and is missing */
  isLate: boolean
}

/** A service ends a session that nobody is connected to after a while: its texts are asked for so often, so many times. */
const ASK_EVERY_MS = 20_000
const MAX_ASKED = 60
/** A store or a disk that does not answer is asked again so often: for about half an hour. */
const RETRY = { firstMs: 500, maxMs: 30_000 }
const MAX_TRIES = 80
/** The end of a meeting waits so long for what an earlier bot left to be found, and for such a bot to be known to be dead. */
const LONGEST_ADOPTION_MS = 10_000
/** Then it waits so long for a disk, which may never answer. */
const LAST_ANSWER_MS = 2_000
/** By then it is known whether a bot that gave the meeting away has died. */
const FATE_MS = BACK_WITHIN_MS + 1_500
/** no session is longer: frames of one whose length is not known */
const LONGEST_SEC = 3 * 3600

/**
 * What the bots before this one left behind: texts at the speech service that came when nobody listened any more, and audio on this
 * disk that never got there. Both reach the transcript under the names and times that the stored spans say; what cannot be had is a gap
 * of each person (`unreturned`). A bot that gave the meeting away sees to that itself, unless it dies before it is done: it is waited for.
 */
export class Legacy {
  readonly #parts: LegacyParts
  readonly #enough = new AbortController()
  readonly #hurry = new AbortController()
  readonly #giveUp = new AbortController()
  readonly #adopted = deferred()
  #begun: Promise<void> | null = null
  /** what was stored when that was last read: a store may be away at the end */
  #gaps: readonly Gap[] = []

  constructor(parts: LegacyParts) {
    this.#parts = parts
  }

  /** Looks for it in the background; once, before this bot's own sessions are stored. */
  begin(): void {
    const { handover, scribe } = this.#parts
    // whose texts are there already is not to fail over a key that is wrong now
    const { sessions = [], segments = [] } = handover.left ?? {}
    if (segments.length > 0 || sessions.some(({ acknowledgedFrames }) => acknowledgedFrames > 0)) scribe.goOn()
    const over = deferred()
    this.#begun = over.promise
    this.#parts.scope.run('legacy', async (signal) => {
      try {
        await this.#collect(signal)
      } catch (thrown) {
        if (!signal.aborted) throw thrown
      } finally {
        this.#adopted.resolve()
        over.resolve()
      }
    })
  }

  /**
   * Resolves when the audio that was left has sessions of its own; of a meeting that was given away again, when the fate of the bot before
   * is known.
   * @param waitMs how long that is waited for, within bounds
   */
  async adopted(waitMs: number): Promise<void> {
    if (!this.#begun) return
    const longestMs = this.#parts.handover.isHandedOver ? FATE_MS : waitMs
    const cancel = this.#parts.clock.after(Math.min(longestMs, LONGEST_ADOPTION_MS), () =>
      this.#enough.abort(new Error('the meeting is ending')),
    )
    await this.#adopted.promise
    cancel()
  }

  /** Waits for what can still come: each session is asked for once more, within the deadline. */
  async finish(deadlineMs: number): Promise<void> {
    if (!this.#begun) return
    this.#hurry.abort(new Error('the meeting is ending'))
    const cancel = this.#parts.clock.after(deadlineMs, () => this.#giveUp.abort(new Error('texts of an earlier bot did not come in time')))
    await this.#begun
    cancel()
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const { stt, scribe, handover, meetingId } = this.#parts
    const fate = await handover.fate(AbortSignal.any([signal, this.#enough.signal]))
    signal.throwIfAborted()
    if (!handover.left) return
    const { hasDead } = handover
    // it goes on to bring in what it heard, and has written down what it could not. Who never said so may be dead: the end came before that is known
    if (fate === 'alive' && handover.isUnsaid) await this.#tellLast(signal, false)
    if (handover.isHandedOver) return hasDead ? this.#tellLast(signal, true) : undefined
    if (fate === 'alive' && !hasDead) return
    const atTakeover = fate === 'settled' ? null : handover.left
    const found = fate === 'crashed' ? atTakeover : ((await this.#stored(signal, hasDead)) ?? atTakeover)
    if (!found) return
    const stored = this.#ofTheDead(found)
    scribe.inherit(stored.spans)
    const disk: OnDisk = { reached: new Map(), adopted: [], isLate: false }
    const looked = this.#asked('audio that an earlier bot left', signal, () => stt.left?.(meetingId)).then((audio) =>
      this.#adopt(stored, audio ?? [], disk),
    )
    await this.#orLate(looked, disk, signal)
    const { reached, adopted } = disk
    const sessions = stored.sessions.map((session) => ({
      ...session,
      acknowledgedFrames: Math.max(session.acknowledgedFrames, reached.get(session.sessionId) ?? 0),
    }))
    const segments = [...stored.segments]
    const estate = { ...stored, sessions, segments, adopted, again: [...adopted, ...this.#sentAgainBefore(stored)] }
    this.#adopted.resolve()
    const whole = new Set<SessionId>()
    const patience = AbortSignal.any([signal, this.#giveUp.signal])
    const texts = sessions.map(async (session) => {
      if (await this.#texts(session, estate, patience)) whole.add(session.sessionId)
    })
    const lost = async () => {
      await handover.written(signal)
      // what the service never got cannot be had, whatever else it may still have
      await this.#tell({ ...estate, isLast: false, hasTexts: () => true }, signal)
    }
    await Promise.all([lost(), ...texts])
    signal.throwIfAborted()
    await this.#tell({ ...estate, isLast: hasDead, hasTexts: (one) => whole.has(one) }, signal)
  }

  /**
   * What a bot heard last that gave the meeting away nobody knows when it is dead, and only here it is known until when that was.
   * @param isNext the meeting was given away again meanwhile: all that is known of it the next bot brings in
   */
  async #tellLast(signal: AbortSignal, isNext: boolean): Promise<void> {
    const stored = await this.#stored(signal)
    if (!stored) return
    const reached = isNext ? LONGEST_SEC : 0
    const sessions = stored.sessions.map((one) => ({
      ...one,
      acknowledgedFrames: Math.max(one.acknowledgedFrames, reached * one.sampleRate),
    }))
    await this.#tell({ ...stored, sessions, adopted: [], hasTexts: () => isNext, isLast: true }, signal)
  }

  /** Waits for a disk, at the end of the meeting not for long. */
  async #orLate(work: Promise<void>, disk: OnDisk, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts
    const enough = AbortSignal.any([signal, this.#enough.signal])
    const late = deferred()
    let cancel: () => void = () => undefined
    const hurry = () => {
      cancel = clock.after(LAST_ANSWER_MS, () => {
        disk.isLate = true
        logger.warn({}, 'the disk does not answer: audio that an earlier bot left is not waited for')
        late.resolve()
      })
    }
    enough.addEventListener('abort', hurry, { once: true })
    if (enough.aborted) hurry()
    await Promise.race([work, late.promise]).finally(() => {
      enough.removeEventListener('abort', hurry)
      cancel()
    })
  }

  /** Sends what the service has not had. @param disk what is found goes there */
  async #adopt(stored: Omit<Left, 'people'>, audio: readonly LeftAudio[], disk: OnDisk): Promise<void> {
    const { scribe, logger } = this.#parts
    for (const found of audio) {
      const { carriers, newest, reachFrame } = historyOf(found, { ...stored, index: scribe })
      if (!disk.isLate) disk.reached.set(newest.sessionId, reachFrame - newest.fromFrame)
      const left = await unsentOf(found, reachFrame)
      if (!left) continue
      const { sessionId, fromFrame, backlog } = left
      const { frames } = backlog
      if (disk.isLate || !scribe.adopt(left)) {
        // the meeting was taken while the disk was looked through
        await leaveBehind(backlog, logger)
        continue
      }
      logger.warn({ session: sessionId, frames }, 'audio left by an earlier bot is sent now')
      // what sessions tell of it that had it before is left out
      for (const carrier of carriers) {
        const first = fromFrame - carrier.fromFrame
        disk.adopted.push({ sessionId: carrier.sessionId, fromFrame: first, toFrame: first + frames })
      }
    }
  }

  /** What the bots before had sent again themselves, as far as the service is known to have it that way. */
  #sentAgainBefore(stored: Omit<Left, 'people'>): readonly SentAgain[] {
    const known = { ...stored, index: this.#parts.scribe }
    const reached = stored.sessions.map((one) => ({ ...one, acknowledgedFrames: reachOf(one.sessionId, known) }))
    return sentAgainBefore(reached, stored.spans)
  }

  /**
   * What is stored by now of sessions that are not this bot's; null when the store does not answer.
   * @param isLast those who stored it are taken for dead: nothing comes after it
   */
  async #stored(signal: AbortSignal, isLast = false): Promise<Omit<Left, 'people'> | null> {
    const { store, scribe, meetingId, handover } = this.#parts
    const read = async () => {
      if (isLast) await handover.revoke()
      return Promise.all([store.sessions(meetingId), store.spans(meetingId), store.segments(meetingId)])
    }
    const found = await this.#asked('what an earlier bot stored', signal, read)
    if (!found) return null
    const own = new Set(scribe.sessions().map(({ sessionId }) => sessionId))
    const [sessions, spans, segments] = found
    const isLeft = (one: { readonly sessionId: SessionId }) => !own.has(one.sessionId)
    return { sessions: sessions.filter(isLeft), spans: spans.filter(isLeft), segments: segments.filter(isLeft) }
  }

  /** Without the sessions of bots that live. */
  #ofTheDead(stored: Omit<Left, 'people'>): Omit<Left, 'people'> {
    const { living } = this.#parts.handover
    const theirs = new Set(stored.sessions.flatMap(({ sessionId, epoch }) => (epoch !== undefined && living.has(epoch) ? [sessionId] : [])))
    const isLeft = (one: { readonly sessionId: SessionId }) => !theirs.has(one.sessionId)
    return { ...stored, sessions: stored.sessions.filter(isLeft), spans: stored.spans.filter(isLeft) }
  }

  /** Asks until there is an answer, a bounded number of times; at the end of the meeting no more. @returns null when there was none */
  async #asked<T>(what: string, signal: AbortSignal, ask: () => Promise<T> | undefined): Promise<T | null> {
    const { clock, random, logger } = this.#parts
    const enough = AbortSignal.any([signal, this.#enough.signal, this.#giveUp.signal])
    for (let asked = 0; asked < MAX_TRIES; asked++) {
      try {
        return (await ask()) ?? null
      } catch (thrown) {
        logger.warn({ err: toError(thrown), asked }, `${what} could not be read`)
      }
      if (!enough.aborted) await clock.sleep(backoffMs(RETRY, asked, random), enough).catch(() => undefined)
      signal.throwIfAborted()
      if (enough.aborted) break
    }
    return null
  }

  /** Writes down what cannot be had, each moment once. @param estate.isLast with what bots heard last that are dead */
  async #tell({ isLast, ...estate }: Omit<Bequest, 'gaps' | 'left'> & { readonly isLast: boolean }, signal: AbortSignal): Promise<void> {
    const { store, scribe, meetingId, handover } = this.#parts
    this.#gaps = (await this.#asked('the gaps of an earlier bot', signal, () => store.gaps(meetingId))) ?? this.#gaps
    const gaps = [...this.#gaps, ...scribe.gaps]
    for (const gap of unreturned({ ...estate, gaps, left: isLast ? handover.heardBefore(estate, gaps) : [] })) scribe.gap(gap)
  }

  /** @param estate its segments grow by what is found. @returns whether there will be no more texts of that session than there are */
  async #texts(session: SessionRecord, estate: Estate, signal: AbortSignal): Promise<boolean> {
    const { vendorId, sessionId, channels, sampleRate, endReason } = session
    const { stt, clock, scribe, logger } = this.#parts
    const { segments: stored } = estate
    if (endReason === 'done') return true
    if (vendorId === null || !stt.results) return false
    const of = { vendorId, sessionId, channels, sampleRate, sentFrames: LONGEST_SEC * sampleRate }
    let reached = session.acknowledgedFrames
    for (let asked = 0; asked < MAX_ASKED && !signal.aborted; asked++) {
      const isLast = this.#hurry.signal.aborted
      const found = await this.#results(of, signal)
      const unknown = () => unknownTexts(found?.utterances ?? [], stored, estate.again, scribe)
      let { segments, reachFrame } = unknown()
      if (segments.length > 0) {
        await this.#refresh(estate, signal)
        ;({ segments, reachFrame } = unknown())
      }
      if (segments.length > 0) {
        logger.warn({ session: sessionId, segments: segments.length }, 'texts that an earlier bot did not live to see')
        scribe.add(segments)
        stored.push(...segments)
      }
      if (reachFrame > reached) {
        // of a bot that went on for a moment nobody else knows it: what it left on its disk is not to be sent again that far
        reached = reachFrame
        scribe.reached({ ...session, sentFrames: Math.max(session.sentFrames, reached), acknowledgedFrames: reached })
      }
      if (!found || found.isWhole || isLast) return found?.isWhole ?? false
      await clock.sleep(ASK_EVERY_MS, AbortSignal.any([signal, this.#hurry.signal])).catch(() => undefined)
    }
    return false
  }

  /** What was stored meanwhile: an earlier bot that was only frozen, or the next one on its disk, may have brought in the same texts. */
  async #refresh(estate: Estate, signal: AbortSignal): Promise<void> {
    const found = await this.#stored(signal)
    if (!found) return
    const now = this.#ofTheDead(found)
    this.#parts.scribe.inherit(now.spans)
    const known = new Set(estate.segments.map(({ id }) => id))
    estate.segments.push(...now.segments.filter(({ id }) => !known.has(id)))
    estate.again = [...estate.adopted, ...this.#sentAgainBefore(now)]
  }

  /** A service that fails is as one that does not answer. */
  async #results(of: ForeignSession, signal: AbortSignal): ReturnType<NonNullable<SttPort['results']>> {
    try {
      return (await this.#parts.stt.results?.(of, signal)) ?? null
    } catch (thrown) {
      this.#parts.logger.warn({ err: toError(thrown), session: of.sessionId }, 'texts of an earlier bot could not be asked for')
      return { utterances: [], isWhole: false }
    }
  }
}
