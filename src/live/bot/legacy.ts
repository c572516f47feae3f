import { deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingStore, SessionRecord } from '../../records/port.js'
import type { SttPort, Utterance } from '../stt/port.js'
import type { Segment } from '../transcript/segment.js'
import type { Scribe } from './scribe.js'

/** What a legacy works with. */
export interface LegacyParts {
  readonly meetingId: MeetingId
  readonly store: Pick<MeetingStore, 'sessions' | 'spans' | 'segments'>
  readonly stt: SttPort
  readonly scribe: Pick<Scribe, 'inherit' | 'adopt' | 'attribute' | 'add'>
  readonly clock: Clock
  readonly scope: Scope
  readonly logger: Logger
}

/** A service ends a session that nobody is connected to after a while: its texts are asked for so often, so many times. */
const ASK_EVERY_MS = 20_000
const MAX_ASKED = 60
/** no session is longer: frames of one whose length is not known */
const LONGEST_SEC = 3 * 3600

/**
 * What the bots before this one left behind: texts at the speech service that came when nobody listened any more, and audio on this
 * disk that never got there. Both reach the transcript under the names and times that the stored spans say.
 */
export class Legacy {
  readonly #parts: LegacyParts
  readonly #hurry = new AbortController()
  readonly #giveUp = new AbortController()
  readonly #adopted = deferred()
  #begun: Promise<void> | null = null

  constructor(parts: LegacyParts) {
    this.#parts = parts
  }

  /** Looks for it in the background; once, before this bot's own sessions are stored. */
  begin(): void {
    const over = deferred()
    this.#begun = over.promise
    this.#parts.scope.run('legacy', async (signal) => {
      try {
        await this.#collect(AbortSignal.any([signal, this.#giveUp.signal]))
      } finally {
        this.#adopted.resolve()
        over.resolve()
      }
    })
  }

  /** Resolves when the audio that was left has sessions of its own. */
  async adopted(): Promise<void> {
    if (this.#begun) await this.#adopted.promise
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
    const { meetingId, store, stt, scribe, logger } = this.#parts
    try {
      const [sessions, spans, segments] = await Promise.all([store.sessions(meetingId), store.spans(meetingId), store.segments(meetingId)])
      scribe.inherit(spans)
      for (const left of (await stt.left?.(meetingId)) ?? []) {
        logger.warn({ session: left.sessionId, frames: left.backlog.frames }, 'audio left by an earlier bot is sent now')
        scribe.adopt(left)
      }
      this.#adopted.resolve()
      await Promise.all(sessions.map((session) => this.#texts(session, segments, signal)))
    } catch (thrown) {
      if (signal.aborted) return
      logger.warn({ err: toError(thrown) }, 'what an earlier bot left could not be read')
    }
  }

  async #texts({ vendorId, sessionId, channels, sampleRate, endReason }: SessionRecord, stored: readonly Segment[], signal: AbortSignal) {
    const { stt, clock, scribe, logger } = this.#parts
    if (vendorId === null || endReason === 'done' || !stt.results) return
    const of = { vendorId, sessionId, channels, sampleRate, sentFrames: LONGEST_SEC * sampleRate }
    for (let asked = 0; asked < MAX_ASKED; asked++) {
      const isLast = this.#hurry.signal.aborted
      const found = await stt.results(of, signal)
      const segments = this.#unknown(found?.utterances ?? [], stored)
      if (segments.length > 0) {
        logger.warn({ session: sessionId, segments: segments.length }, 'texts that an earlier bot did not live to see')
        scribe.add(segments)
      }
      if (!found || found.isWhole || isLast) return
      await clock.sleep(ASK_EVERY_MS, AbortSignal.any([signal, this.#hurry.signal])).catch(() => undefined)
      signal.throwIfAborted()
    }
  }

  /**
   * Segments of what is not stored. The service's stream may hold audio twice that was sent again, which the bot before knew and nobody
   * else: what it stored tells how far the two are apart.
   */
  #unknown(utterances: readonly Utterance[], stored: readonly Segment[]): readonly Segment[] {
    const { scribe } = this.#parts
    const found: Segment[] = []
    let shiftSec = 0
    for (const utterance of utterances.toSorted((a, b) => a.startSec - b.startSec)) {
      const twin = stored.find((known) => isTold(utterance, known))
      const [first, ...rest] = scribe.attribute(shifted(utterance, shiftSec))
      if (!first) continue
      if (twin) shiftSec += (twin.startMs - first.startMs) / 1000
      else if (![first, ...rest].some((segment) => stored.some((known) => isSame(segment, known)))) found.push(first, ...rest)
    }
    return found
  }
}

function shifted(utterance: Utterance, sec: number): Utterance {
  const words = utterance.words.map((word) => ({ ...word, startSec: word.startSec + sec, endSec: word.endSec + sec }))
  return { ...utterance, startSec: Math.max(0, utterance.startSec + sec), endSec: Math.max(0, utterance.endSec + sec), words }
}

/** The first part of the utterance as it was stored: by its id, or by its text where a result has no ids. */
function isTold(utterance: Utterance, known: Segment): boolean {
  if (utterance.sessionId !== known.sessionId || utterance.channel !== known.channel || known.part !== 0) return false
  return utterance.utteranceId === known.utteranceId || (known.text.length > 3 && utterance.text.startsWith(known.text))
}

/** What covers most of the other's time on the same channel is the same. */
function isSame(a: Segment, b: Segment): boolean {
  if (a.sessionId !== b.sessionId || a.channel !== b.channel) return false
  if (a.utteranceId === b.utteranceId) return true
  const sharedMs = Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs)
  return sharedMs * 2 > Math.min(a.endMs - a.startMs, b.endMs - b.startMs)
}
