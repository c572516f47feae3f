import { deferred } from '../../../core/deferred.js'
import type { Deferred } from '../../../core/deferred.js'
import { StateError, UpstreamError } from '../../../core/errors.js'
import type { EngineEvents, EngineSession, EngineSessionOptions } from '../port.js'
import { ChannelSplitter, checkSessionOptions, utteranceId } from '../voice/channels.js'
import { VoiceSegmenter } from '../voice/segmenter.js'
import type { FrameDetector, SegmenterEvent, VoiceSegment } from '../voice/segmenter.js'
import type { RecognitionJob } from './job-queue.js'
import type { RecogniserPool } from './pool.js'
import type { Recognition } from './recogniser.js'
import { wordingOf } from './wording.js'

/** The recogniser is at its best below this, and its cost grows with the square. */
const LONGEST_SEGMENT_SEC = 15
const PARTIAL_EVERY_SEC = 0.7
/** with this much voice an empty result is a miss, not noise */
const CLEAR_VOICE_SEC = 0.4

interface Channel {
  readonly segmenter: VoiceSegmenter
  /** number of the utterance that is open or comes next */
  utterance: number
  /** at most one partial of a channel waits or is worked on */
  partial: RecognitionJob | null
  /** length of the open segment when a partial was last asked for */
  shownSec: number
  /** finals by utterance that came before an earlier one's: a channel's finals are told in order */
  readonly early: Map<number, () => void>
  nextFinal: number
}

/** What a session is given. */
export interface SessionParts {
  readonly pool: RecogniserPool
  readonly detector: () => FrameDetector
  /** called once when the session is over, however it ends */
  readonly over: () => void
}

/**
 * One session: voice activity per channel in this thread, recognition in the pool's.
 *
 * M1 each utterance with text has exactly one final; a channel's finals come in order; no partial of an utterance follows its final.
 * M2 partials are asked for each 0.7 s of speech and shed when the queue is full; finals wait, and when those of this session are
 *    longer in all than the pool allows, the session fails.
 * M3 after `failed` or `close` nothing more is reported; `finish` resolves then too.
 */
export class MoonshineSession implements EngineSession {
  readonly #events: EngineEvents
  readonly #parts: SessionParts
  readonly #options: EngineSessionOptions
  readonly #splitter: ChannelSplitter
  readonly #channels: readonly Channel[]
  readonly #finished: Deferred = deferred()
  #openFinals = 0
  #state: 'open' | 'finishing' | 'over' = 'open'

  constructor(options: EngineSessionOptions, events: EngineEvents, parts: SessionParts) {
    checkSessionOptions(options)
    this.#options = options
    this.#events = events
    this.#parts = parts
    this.#splitter = new ChannelSplitter(options.channels)
    const maxUtteranceSec = Math.min(options.maxUtteranceSec, LONGEST_SEGMENT_SEC)
    this.#channels = Array.from({ length: options.channels }, () => ({
      segmenter: new VoiceSegmenter(parts.detector(), { endpointingSec: options.endpointingSec, maxUtteranceSec }),
      utterance: 0,
      partial: null,
      shownSec: 0,
      early: new Map(),
      nextFinal: 0,
    }))
  }

  push(block: Int16Array): void {
    if (this.#state !== 'open') throw new StateError(`moonshine session: push when ${this.#state}`)
    for (const [at, channel] of this.#channels.entries()) {
      this.#hear(at, channel, channel.segmenter.push(this.#splitter.channel(block, at)))
      if (this.#isOver()) return
      this.#askPartial(at, channel)
    }
  }

  finish(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'finishing'
      for (const [at, channel] of this.#channels.entries()) {
        if (!this.#isOver()) this.#hear(at, channel, channel.segmenter.finish())
      }
      this.#endWhenDone()
    }
    return this.#finished.promise
  }

  close(): void {
    this.#end()
  }

  /** Ends with an error that the listener is told, once. */
  fail(error: Error): void {
    if (this.#isOver()) return
    this.#end()
    this.#events.failed(error)
  }

  #isOver(): boolean {
    return this.#state === 'over'
  }

  #end(): void {
    if (this.#isOver()) return
    this.#state = 'over'
    this.#parts.pool.drop(this)
    for (const channel of this.#channels) channel.segmenter.close()
    this.#finished.resolve()
    this.#parts.over()
  }

  #endWhenDone(): void {
    if (this.#state === 'finishing' && this.#openFinals === 0) this.#end()
  }

  #hear(at: number, channel: Channel, events: readonly SegmenterEvent[]): void {
    for (const event of events) {
      if (this.#isOver()) return
      if (event.kind === 'start') {
        channel.shownSec = 0
        this.#events.speechStart(at, event.timeSec)
      } else {
        this.#events.speechEnd(at, event.segment.endSec)
        if (!this.#isOver()) this.#askFinal(at, channel, event.segment)
      }
    }
  }

  #askFinal(at: number, channel: Channel, segment: VoiceSegment): void {
    const utterance = channel.utterance++
    if (channel.partial) this.#parts.pool.cancel(channel.partial)
    channel.partial = null
    this.#openFinals++
    const job: RecognitionJob = {
      owner: this,
      isFinal: true,
      samples: segment.audio,
      mayRetry: segment.voicedSec >= CLEAR_VOICE_SEC,
      done: (recognition) => {
        channel.early.set(utterance, () => this.#tell(at, utterance, true, recognition, segment))
        this.#tellFinals(channel)
      },
      failed: (error) => this.fail(error),
    }
    if (this.#parts.pool.submit(job)) return
    const message = 'the recogniser is too slow for this session: give the speech server more workers or open fewer sessions'
    this.fail(new UpstreamError('recogniser_overloaded', message, { service: 'speech', retryable: true }))
  }

  #tellFinals(channel: Channel): void {
    for (;;) {
      const tell = channel.early.get(channel.nextFinal)
      if (!tell || this.#isOver()) break
      channel.early.delete(channel.nextFinal++)
      this.#openFinals--
      tell()
    }
    this.#endWhenDone()
  }

  #askPartial(at: number, channel: Channel): void {
    const growingSec = channel.segmenter.growingSec
    if (!this.#options.partials || channel.partial || growingSec - channel.shownSec < PARTIAL_EVERY_SEC) return
    const segment = channel.segmenter.growing()
    if (!segment) return
    channel.shownSec = growingSec
    const utterance = channel.utterance
    const job: RecognitionJob = {
      owner: this,
      isFinal: false,
      samples: segment.audio,
      mayRetry: false,
      done: (recognition) => {
        if (channel.partial !== job) return
        channel.partial = null
        this.#tell(at, utterance, false, recognition, segment)
      },
      failed: (error) => this.fail(error),
    }
    if (this.#parts.pool.submit(job)) channel.partial = job
  }

  #tell(channel: number, utterance: number, isFinal: boolean, recognition: Recognition, segment: VoiceSegment): void {
    const { startSec, endSec } = segment
    const wording = wordingOf(recognition, startSec, endSec)
    if (!wording) return
    this.#events.transcript({ id: utteranceId(channel, utterance), isFinal, channel, startSec, endSec, language: 'en', ...wording })
  }
}
