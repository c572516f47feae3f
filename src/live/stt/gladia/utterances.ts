import { RESULT_ID, type SessionId } from '../../../core/ids.js'
import type { Utterance } from '../port.js'
import type { RawResult, RawUtterance } from './messages.js'
import type { StreamMap } from './stream-map.js'

/** Same channel and text, and starts this close: one utterance, told by the socket and by the result. */
const SAME_START_SEC = 0.05
/** A result this close to an interim on its channel is that interim's final. */
const INTERIM_START_SEC = 0.3
/** What lies farther outside of the audio was not said there: held to its edge, it would be taken for the words of whoever is heard there. */
const OUTSIDE_SEC = 1
/** Ids and finals remembered per session; three hours of eight people are about 20 000. */
const MAX_REMEMBERED = 100_000

/** What the book knows of the stream when an utterance comes. */
export interface StreamView {
  readonly map: StreamMap
  readonly sampleRate: number
  /** frames sent to the service so far: nothing can have been said later */
  readonly sentFrames: number
}

interface Delivered {
  readonly start: number
  matched: boolean
}

/**
 * Makes each utterance of a session known once. A final is told once and nothing of its id after it; empty finals are not told.
 * Times are converted from the service's stream to our frames and clamped: into the audio sent, end not before start; what lies far outside
 * of it is no time. A word is held to the one run of the stream that it shares most with; one that was heard in audio that the service had
 * twice is left out the second time.
 */
export class UtteranceBook {
  readonly #sessionId: SessionId
  readonly #finals = new Set<string>()
  /** finals told, by channel and text */
  readonly #delivered = new Map<string, Delivered[]>()
  readonly #interims = new Map<string, { channel: number; start: number }>()
  /** utterances with a time that made no sense */
  clamped = 0
  /** where the last word ends that a final told, seconds of our audio */
  toldSec = 0

  constructor(sessionId: SessionId) {
    this.#sessionId = sessionId
  }

  /** @returns what to tell, or null */
  take(id: string, isFinal: boolean, raw: RawUtterance, view: StreamView): Utterance | null {
    if (this.#finals.has(id)) return null
    if (!isFinal) {
      const interim = this.#make(id, false, raw, view)
      if (interim.text === '') return null
      this.#interims.set(id, { channel: raw.channel, start: raw.start })
      if (this.#interims.size > 1000) this.#interims.delete(this.#interims.keys().next().value!)
      return interim
    }
    this.#finals.add(id)
    if (this.#finals.size > MAX_REMEMBERED) this.#finals.delete(this.#finals.values().next().value!)
    this.#interims.delete(id)
    const { clamped } = this
    const utterance = this.#make(id, true, raw, view)
    if (utterance.text === '') return null
    // what makes no sense says nothing
    if (this.clamped === clamped) for (const { endSec } of utterance.words) if (endSec > this.toldSec) this.toldSec = endSec
    const alike = this.#delivered.get(keyOf(raw)) ?? []
    alike.push({ start: raw.start, matched: false })
    this.#delivered.set(keyOf(raw), alike)
    if (this.#delivered.size > MAX_REMEMBERED) this.#delivered.delete(this.#delivered.keys().next().value!)
    return utterance
  }

  /** @returns the finals of a result that were not told before, by start */
  reconcile(result: RawResult, view: StreamView): readonly Utterance[] {
    const missing = (result.utterances ?? []).filter(({ id, utterance }) => {
      if (id !== null && this.#finals.has(id)) return false
      const twin = this.#delivered
        .get(keyOf(utterance))
        // a time that is no number differs from none
        ?.find((known) => !known.matched && !(Math.abs(known.start - utterance.start) >= SAME_START_SEC))
      if (twin) twin.matched = true
      return !twin
    })
    return missing
      .toSorted((a, b) => a.utterance.start - b.utterance.start)
      .flatMap(({ id, utterance }) => {
        const made = this.take(id ?? this.#idFor(utterance), true, utterance, view)
        return made ? [made] : []
      })
  }

  /** The id of the interim that this final finishes, else one of its own, the same at every look-up. */
  #idFor(raw: RawUtterance): string {
    for (const [id, interim] of this.#interims) {
      if (interim.channel === raw.channel && Math.abs(interim.start - raw.start) < INTERIM_START_SEC) return id
    }
    return `${RESULT_ID}${raw.channel}:${Math.round(raw.start * 1000)}`
  }

  #make(utteranceId: string, isFinal: boolean, raw: RawUtterance, view: StreamView): Utterance {
    const endSec = view.sentFrames / view.sampleRate
    const secOf = (frame: number) => clamp(frame / view.sampleRate, 0, endSec)
    const place = (sec: number, edge: 'start' | 'end') => secOf(view.map.toFrame(sec * view.sampleRate, edge))
    const inAudio = (sec: number | undefined) => {
      const ours = view.map.toFrame((sec ?? Number.NaN) * view.sampleRate, 'start') / view.sampleRate
      return ours >= -OUTSIDE_SEC && ours <= endSec + OUTSIDE_SEC ? sec : undefined
    }
    const dated = [raw.start, raw.words[0]?.start, raw.end].map(inAudio)
    const start = firstFinite(...dated, raw.start, raw.words[0]?.start, raw.end, endSec)
    const end = Math.max(start, firstFinite(inAudio(raw.end), inAudio(raw.words.at(-1)?.end), start))
    const startSec = place(start, 'start')
    const isNew = ({ start: from, end: to }: { readonly start: number; readonly end: number }) =>
      !(Number.isFinite(from) && Number.isFinite(to)) || !view.map.isRepeated(from * view.sampleRate, to * view.sampleRate)
    const words = raw.words.filter(isNew)
    const utterance: Utterance = {
      sessionId: this.#sessionId,
      utteranceId,
      isFinal,
      channel: raw.channel,
      startSec,
      endSec: Math.max(startSec, place(end, 'end')),
      ...(dated.every((sec) => sec === undefined) && { isUndated: true }),
      text: words.length === raw.words.length ? raw.text.trim() : words.map(({ word }) => word.trim()).join(' '),
      words: words.map((word) => {
        const own = [inAudio(word.start), inAudio(word.end)] as const
        // without any time of its own it is somewhere in the utterance: whoever attributes it must know that
        const isTimed = own.some((sec) => sec !== undefined)
        const from = firstFinite(...own)
        const to = Math.max(from, firstFinite(own[1], own[0]))
        const [first, last] = view.map.wordFrames(from * view.sampleRate, to * view.sampleRate)
        return {
          text: word.word.trim(),
          startSec: isTimed ? secOf(first) : Number.NaN,
          endSec: isTimed ? secOf(last) : Number.NaN,
          confidence: clamp(firstFinite(word.confidence, 0), 0, 1),
        }
      }),
      language: raw.language === '' ? null : raw.language,
      confidence: clamp(firstFinite(raw.confidence, 0), 0, 1),
    }
    if (start !== raw.start || end !== raw.end || start < 0 || view.map.toFrame(end * view.sampleRate, 'end') > view.sentFrames + 1)
      this.clamped++
    return utterance
  }
}

/** Channel and normalised text. */
function keyOf({ channel, text }: RawUtterance): string {
  return `${channel} ${text.trim().replace(/\s+/g, ' ').toLowerCase()}`
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function firstFinite(...values: (number | undefined)[]): number {
  return values.find((value) => Number.isFinite(value)) ?? 0
}
