import { backoffMs } from '../../core/backoff.js'
import { deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { MeetingId, SessionId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingStore, SessionRecord } from '../../records/port.js'
import type { ForeignSession, SttPort, Utterance } from '../stt/port.js'
import { isRetold, isTelling, sharesMost } from '../transcript/retold.js'
import type { Segment } from '../transcript/segment.js'
import type { Handover } from './handover.js'
import type { Left } from './inheritance.js'
import type { Scribe } from './scribe.js'
import { unreturned, type Bequest } from './unreturned.js'

/** What a legacy works with. */
export interface LegacyParts {
  readonly meetingId: MeetingId
  readonly store: Pick<MeetingStore, 'sessions' | 'spans' | 'segments' | 'gaps'>
  readonly stt: SttPort
  readonly scribe: Pick<Scribe, 'goOn' | 'inherit' | 'adopt' | 'attribute' | 'placeOf' | 'add' | 'gap' | 'gaps' | 'sessions'>
  readonly handover: Pick<Handover, 'fate' | 'left' | 'heardBefore' | 'written'>
  readonly clock: Clock
  readonly random: () => number
  readonly scope: Scope
  readonly logger: Logger
}

/** A service ends a session that nobody is connected to after a while: its texts are asked for so often, so many times. */
const ASK_EVERY_MS = 20_000
const MAX_ASKED = 60
/** A store or a disk that does not answer is asked again so often: for about half an hour. */
const RETRY = { firstMs: 500, maxMs: 30_000 }
const MAX_TRIES = 80
/** The end of a meeting waits so long for what an earlier bot left to be found, and for such a bot to be known to be dead. */
const LONGEST_ADOPTION_MS = 10_000
/** Audio that the service was sent twice and kept twice is no longer: a probe. */
const LONGEST_COPY_SEC = 0.1
/** Times are stored in whole ms. */
const ROUNDING_SEC = 0.001
/** What the service has twice, or not at all, moves a text by less. */
const ALIKE_SEC = 1
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

  /** Resolves when the audio that was left has sessions of its own. @param waitMs how long that is waited for, within bounds */
  async adopted(waitMs: number): Promise<void> {
    if (!this.#begun) return
    const cancel = this.#parts.clock.after(Math.min(waitMs, LONGEST_ADOPTION_MS), () =>
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
    const { stt, scribe, handover, logger, meetingId } = this.#parts
    const fate = await handover.fate(AbortSignal.any([signal, this.#enough.signal]))
    signal.throwIfAborted()
    // it goes on to bring in what it heard, and has written down what it could not
    if (fate === 'alive' || !handover.left) return
    const stored = fate === 'crashed' ? handover.left : ((await this.#stored(signal)) ?? (fate === 'died' ? handover.left : null))
    if (!stored) return
    scribe.inherit(stored.spans)
    const audio = (await this.#asked('audio that an earlier bot left', signal, () => stt.left?.(meetingId))) ?? []
    for (const left of audio) {
      logger.warn({ session: left.sessionId, frames: left.backlog.frames }, 'audio left by an earlier bot is sent now')
      scribe.adopt(left)
    }
    const segments = [...stored.segments]
    const estate = {
      ...stored,
      segments,
      adopted: audio.map(({ sessionId, fromFrame, backlog }) => ({ sessionId, fromFrame, toFrame: fromFrame + backlog.frames })),
    }
    this.#adopted.resolve()
    const whole = new Set<SessionId>()
    const patience = AbortSignal.any([signal, this.#giveUp.signal])
    const texts = stored.sessions.map(async (session) => {
      if (await this.#texts(session, segments, patience)) whole.add(session.sessionId)
    })
    const lost = async () => {
      await handover.written(signal)
      // what the service never got cannot be had, whatever else it may still have
      await this.#tell({ ...estate, left: null, hasTexts: () => true }, signal)
    }
    await Promise.all([lost(), ...texts])
    signal.throwIfAborted()
    await this.#tell({ ...estate, left: fate === 'died' ? handover.heardBefore : null, hasTexts: (one) => whole.has(one) }, signal)
  }

  /** What is stored by now of sessions that are not this bot's; null when the store does not answer. */
  async #stored(signal: AbortSignal): Promise<Omit<Left, 'people'> | null> {
    const { store, scribe, meetingId } = this.#parts
    const read = () => Promise.all([store.sessions(meetingId), store.spans(meetingId), store.segments(meetingId)])
    const found = await this.#asked('what an earlier bot stored', signal, read)
    if (!found) return null
    const own = new Set(scribe.sessions().map(({ sessionId }) => sessionId))
    const [sessions, spans, segments] = found
    const isLeft = (one: { readonly sessionId: SessionId }) => !own.has(one.sessionId)
    return { sessions: sessions.filter(isLeft), spans: spans.filter(isLeft), segments: segments.filter(isLeft) }
  }

  /** Asks until there is an answer, a bounded number of times; at the end of the meeting no more. @returns null when there was none */
  async #asked<T>(what: string, signal: AbortSignal, ask: () => Promise<T> | undefined): Promise<T | null> {
    const { clock, random, logger } = this.#parts
    const enough = AbortSignal.any([signal, this.#enough.signal])
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

  /** Writes down what cannot be had, each moment once. */
  async #tell(estate: Omit<Bequest, 'gaps'>, signal: AbortSignal): Promise<void> {
    const { store, scribe, meetingId } = this.#parts
    const stored = (await this.#asked('the gaps of an earlier bot', signal, () => store.gaps(meetingId))) ?? []
    for (const gap of unreturned({ ...estate, gaps: [...stored, ...scribe.gaps] })) scribe.gap(gap)
  }

  /** @param stored grows with what is found. @returns whether there will be no more texts of that session than there are */
  async #texts(session: SessionRecord, stored: Segment[], signal: AbortSignal): Promise<boolean> {
    const { vendorId, sessionId, channels, sampleRate, endReason } = session
    const { stt, clock, scribe, logger } = this.#parts
    if (endReason === 'done') return true
    if (vendorId === null || !stt.results) return false
    const of = { vendorId, sessionId, channels, sampleRate, sentFrames: LONGEST_SEC * sampleRate }
    for (let asked = 0; asked < MAX_ASKED && !signal.aborted; asked++) {
      const isLast = this.#hurry.signal.aborted
      const found = await this.#results(of, signal)
      let segments = this.#unknown(found?.utterances ?? [], stored)
      if (segments.length > 0) {
        await this.#refresh(stored, signal)
        segments = this.#unknown(found?.utterances ?? [], stored)
      }
      if (segments.length > 0) {
        logger.warn({ session: sessionId, segments: segments.length }, 'texts that an earlier bot did not live to see')
        scribe.add(segments)
        stored.push(...segments)
      }
      if (!found || found.isWhole || isLast) return found?.isWhole ?? false
      await clock.sleep(ASK_EVERY_MS, AbortSignal.any([signal, this.#hurry.signal])).catch(() => undefined)
    }
    return false
  }

  /** What was stored meanwhile: an earlier bot that was only frozen, or the next one on its disk, may have brought in the same texts. */
  async #refresh(stored: Segment[], signal: AbortSignal): Promise<void> {
    const now = await this.#stored(signal)
    if (!now) return
    this.#parts.scribe.inherit(now.spans)
    const known = new Set(stored.map(({ id }) => id))
    stored.push(...now.segments.filter(({ id }) => !known.has(id)))
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

  /**
   * Segments of what is not stored. The service's stream may hold audio twice that was sent again, which the bot before knew and nobody
   * else: what it stored tells how far the two are apart, by where the span of the speaker has it.
   */
  #unknown(utterances: readonly Utterance[], stored: readonly Segment[]): readonly Segment[] {
    const { scribe } = this.#parts
    const found: Segment[] = []
    let shiftSec = 0
    const ordered = utterances.toSorted((a, b) => a.startSec - b.startSec)
    for (const [at, utterance] of ordered.entries()) {
      const twin = nearestTwin(utterance, shiftSec, stored, scribe)
      if (twin) {
        shiftSec = moved(shiftSec, twin.shiftSec)
        continue
      }
      const attributed = scribe.attribute(shifted(utterance, shiftSec))
      // of a copy nobody knows where in the stream the words were said first
      const parts = mayBeCopy(utterance, ordered, at) ? attributed.map((part) => ({ ...part, identity: null })) : attributed
      if (!parts.some((segment) => stored.some((known) => isSame(segment, known)))) found.push(...parts)
    }
    return found
  }
}

function moved(shiftSec: number, toSec: number | null): number {
  return toSec === null || Math.abs(toSec - shiftSec) <= ROUNDING_SEC ? shiftSec : toSec
}

/** Whether it is short enough for a probe, and repeats words that were told on its channel before. */
function mayBeCopy({ channel, startSec, endSec, text }: Utterance, ordered: readonly Utterance[], at: number): boolean {
  const sec = endSec - startSec
  if (sec <= 0 || sec > LONGEST_COPY_SEC) return false
  return ordered.slice(0, at).some((one) => one.channel === channel && ` ${wordsOf(one.text)} `.includes(` ${wordsOf(text)} `))
}

const wordsOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()

function shifted(utterance: Utterance, sec: number): Utterance {
  const words = utterance.words.map((word) => ({ ...word, startSec: word.startSec + sec, endSec: word.endSec + sec }))
  return { ...utterance, startSec: Math.max(0, utterance.startSec + sec), endSec: Math.max(0, utterance.endSec + sec), words }
}

/**
 * The first part of the utterance as it was stored: by its id, or by its text where a result has no ids, of several the nearest. `shiftSec`:
 * how far our audio is ahead of the service's there; null: nobody knows.
 */
function nearestTwin(
  utterance: Utterance,
  shiftSec: number,
  stored: readonly Segment[],
  scribe: Pick<Scribe, 'placeOf'>,
): { readonly shiftSec: number | null } | null {
  const { sessionId, channel, utteranceId, text, words, startSec } = utterance
  const firstSec = words.find((word) => Number.isFinite(word.startSec))?.startSec ?? startSec
  const parts = stored.filter((known) => known.sessionId === sessionId && known.channel === channel && known.part === 0)
  const shiftOf = (known: Segment) => {
    const placeSec = scribe.placeOf(known)
    return placeSec === null ? null : placeSec - firstSec
  }
  const same = parts.find((known) => known.utteranceId === utteranceId)
  if (same) return { shiftSec: shiftOf(same) }
  const alike = parts.filter((known) => known.text.length > 3 && text.startsWith(known.text)).map(shiftOf)
  const farSec = (shift: number | null) => (shift === null ? Number.POSITIVE_INFINITY : Math.abs(shift - shiftSec))
  const [nearest = null] = alike.toSorted((a, b) => farSec(a) - farSec(b))
  if (alike.length === 0) return null
  if (farSec(nearest) <= ALIKE_SEC) return { shiftSec: nearest }
  // few words may have been said twice
  return nearest === null || isTelling(text) ? { shiftSec: null } : null
}

/** Told under the same id, or of the same time, or the same words without an id. */
function isSame(a: Segment, b: Segment): boolean {
  const hasItsId = a.sessionId === b.sessionId && a.channel === b.channel && a.utteranceId === b.utteranceId
  return hasItsId || sharesMost(a, b) || isRetold(a, b)
}
