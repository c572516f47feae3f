import type { Engine, EngineEvents, EngineSession, EngineSessionOptions, EngineTranscript } from '../../src/speech-server/engine/port.js'

/** What a scripted session says once it has been given this many seconds of audio. */
export interface ScriptedLine {
  readonly atSec: number
  readonly transcript?: EngineTranscript
  readonly speech?: { readonly kind: 'start' | 'end'; readonly channel: number; readonly timeSec: number }
  readonly failure?: Error
}

/** A final of two words that fills its time. */
export function scriptedFinal(id: string, channel: number, startSec: number, endSec: number, text = `line ${id}`): EngineTranscript {
  const words = text.split(' ')
  const stepSec = (endSec - startSec) / words.length
  return {
    id,
    isFinal: true,
    channel,
    startSec,
    endSec,
    text,
    words: words.map((word, at) => ({ word, startSec: startSec + at * stepSec, endSec: startSec + (at + 1) * stepSec, confidence: 0.9 })),
    language: 'en',
    confidence: 0.9,
  }
}

/** One session of the scripted engine; keeps the audio it was given. */
export class ScriptedSession implements EngineSession {
  readonly options: EngineSessionOptions
  readonly blocks: Int16Array[] = []
  isClosed = false
  readonly #events: EngineEvents
  readonly #waiting: ScriptedLine[]
  readonly #whenFinished: Promise<void>
  #frames = 0

  constructor(options: EngineSessionOptions, events: EngineEvents, script: readonly ScriptedLine[], whenFinished: Promise<void>) {
    this.options = options
    this.#events = events
    this.#waiting = script.toSorted((a, b) => a.atSec - b.atSec)
    this.#whenFinished = whenFinished
  }

  /** interleaved samples given so far */
  get samples(): number[] {
    return this.blocks.flatMap((block) => [...block])
  }

  push(block: Int16Array): void {
    this.blocks.push(block.slice())
    this.#frames += block.length / this.options.channels
    while (this.#waiting[0] && this.#waiting[0].atSec * this.options.sampleRate <= this.#frames) this.#say(this.#waiting.shift())
  }

  async finish(): Promise<void> {
    while (this.#waiting.length > 0) this.#say(this.#waiting.shift())
    await this.#whenFinished
  }

  close(): void {
    this.isClosed = true
  }

  #say(line: ScriptedLine | undefined): void {
    if (!line || this.isClosed) return
    if (line.failure) this.#events.failed(line.failure)
    if (line.speech?.kind === 'start') this.#events.speechStart(line.speech.channel, line.speech.timeSec)
    if (line.speech?.kind === 'end') this.#events.speechEnd(line.speech.channel, line.speech.timeSec)
    if (line.transcript && (line.transcript.isFinal || this.options.partials)) this.#events.transcript(line.transcript)
  }
}

/** An engine that says the same script in every session, by the amount of audio it was given; the rest at the finish. */
export class ScriptedEngine implements Engine {
  readonly name = 'marks'
  readonly sessions: ScriptedSession[] = []
  readonly #script: readonly ScriptedLine[]
  /** finish() resolves with it */
  whenFinished: Promise<void> = Promise.resolve()
  /** thrown by open() when set */
  openError: Error | null = null

  constructor(script: readonly ScriptedLine[] = []) {
    this.#script = script
  }

  open(options: EngineSessionOptions, events: EngineEvents): ScriptedSession {
    if (this.openError) throw this.openError
    const session = new ScriptedSession(options, events, this.#script, this.whenFinished)
    this.sessions.push(session)
    return session
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
