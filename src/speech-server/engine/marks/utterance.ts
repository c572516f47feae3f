import type { EngineTranscript, EngineWord } from '../port.js'
import { utteranceId } from '../voice/channels.js'
import { markWord, SLOT_SEC } from './codec.js'
import type { DecodedMark } from './decoder.js'

/** Between the heard end of a mark and the heard start of the next lie 48 ms that belong to the code, not to a pause. */
const CODE_GAP_SEC = SLOT_SEC - 0.152
/** New words are shown in a partial at most this often, seconds of audio. */
const PARTIAL_EVERY_SEC = 0.4
/** Float sums of slots must not turn a pause of exactly the limit into one just below it. */
const SLACK_SEC = 1e-6

/** What an utterance policy needs to know. */
export interface MarkUtteranceOptions {
  readonly channel: number
  readonly endpointingSec: number
  readonly maxUtteranceSec: number
  readonly partials: boolean
}

/** What follows from what was heard, in order. */
export type MarkUtteranceEvent =
  | { readonly kind: 'start'; readonly timeSec: number }
  | { readonly kind: 'end'; readonly timeSec: number }
  | { readonly kind: 'transcript'; readonly transcript: EngineTranscript }

/**
 * Groups the marks of one channel into utterances: a run without a pause of `endpointingSec`, cut before it would be longer than
 * `maxUtteranceSec`. A pause is from a mark's end to the next one's start less the gap of the code.
 */
export class MarkUtterances {
  readonly #options: MarkUtteranceOptions
  #count = 0
  #words: EngineWord[] = []
  #shownWords = 0
  #shownSec = 0

  constructor(options: MarkUtteranceOptions) {
    this.#options = options
  }

  /**
   * @param marks newly decoded, in order
   * @param settledSec no mark that begins before this can still come
   */
  hear(marks: readonly DecodedMark[], settledSec: number): MarkUtteranceEvent[] {
    const events: MarkUtteranceEvent[] = []
    for (const mark of marks) {
      if (this.#isPause(mark.startSec) || this.#isTooLong(mark.endSec)) events.push(...this.finish())
      if (this.#words.length === 0) {
        events.push({ kind: 'start', timeSec: mark.startSec })
        this.#shownSec = mark.startSec
      }
      this.#words.push({ word: markWord(mark.who, mark.n), startSec: mark.startSec, endSec: mark.endSec, confidence: confidence(mark) })
    }
    if (this.#isPause(settledSec)) events.push(...this.finish())
    else events.push(...this.#partial())
    return events
  }

  /** Ends the utterance that is open, if any. */
  finish(): MarkUtteranceEvent[] {
    const last = this.#words.at(-1)
    if (!last) return []
    const transcript = this.#transcript(true)
    this.#words = []
    this.#shownWords = 0
    this.#count++
    return [
      { kind: 'end', timeSec: last.endSec },
      { kind: 'transcript', transcript },
    ]
  }

  #isPause(untilSec: number): boolean {
    const last = this.#words.at(-1)
    return last !== undefined && untilSec - last.endSec - CODE_GAP_SEC >= this.#options.endpointingSec - SLACK_SEC
  }

  #isTooLong(endSec: number): boolean {
    const first = this.#words[0]
    return first !== undefined && endSec - first.startSec > this.#options.maxUtteranceSec
  }

  #partial(): MarkUtteranceEvent[] {
    const last = this.#words.at(-1)
    if (!this.#options.partials || !last || this.#words.length === this.#shownWords) return []
    if (last.endSec - this.#shownSec + CODE_GAP_SEC < PARTIAL_EVERY_SEC - SLOT_SEC / 4) return []
    this.#shownWords = this.#words.length
    this.#shownSec = last.endSec + CODE_GAP_SEC
    return [{ kind: 'transcript', transcript: this.#transcript(false) }]
  }

  #transcript(isFinal: boolean): EngineTranscript {
    const words = [...this.#words]
    return {
      id: utteranceId(this.#options.channel, this.#count),
      isFinal,
      channel: this.#options.channel,
      startSec: words[0]?.startSec ?? 0,
      endSec: words.at(-1)?.endSec ?? 0,
      text: words.map(({ word }) => word).join(' '),
      words,
      language: 'en',
      confidence: words.reduce((sum, word) => sum + word.confidence, 0) / Math.max(1, words.length),
    }
  }
}

/** 0.5 at the decoder's limit of 3 dB, 1 from 20 dB on. */
const confidence = (mark: DecodedMark): number => Math.max(0.3, Math.min(1, 0.5 + (mark.marginDb - 3) / 34))
