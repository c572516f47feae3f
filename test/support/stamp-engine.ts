import type { Engine, EngineEvents, EngineSession, EngineSessionOptions } from '../../src/speech-server/engine/port.js'

/** When each frame of a session was received. */
export interface Receipts {
  readonly channels: number
  /** @returns when the frame before `frame` was there, undefined when it never was */
  atMs(frame: number): number | undefined
}

const FINAL_EVERY_SEC = 2
/** channels speak one after the other */
const STAGGER_SEC = 0.25

/** An engine that recognises nothing: it notes when audio comes, and says one word every two seconds on each channel. */
export class StampEngine implements Engine {
  readonly name = 'marks'
  readonly receipts: Receipts[] = []
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  open({ channels, sampleRate }: EngineSessionOptions, events: EngineEvents): EngineSession {
    const marks: { toFrame: number; atMs: number }[] = []
    let frames = 0
    const nextSec = Array.from({ length: channels }, (_, channel) => 1 + STAGGER_SEC * channel)
    const session = this.receipts.length
    this.receipts.push({ channels, atMs: (frame) => marks.find((mark) => mark.toFrame >= frame)?.atMs })
    return {
      push: (block) => {
        frames += block.length / channels
        marks.push({ toFrame: frames, atMs: this.#nowMs() })
        for (const [channel, atSec] of nextSec.entries()) {
          if (atSec * sampleRate >= frames) continue
          this.#say(events, channel, atSec, session)
          nextSec[channel] = atSec + FINAL_EVERY_SEC
        }
      },
      finish: () => Promise.resolve(),
      close: () => undefined,
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #say(events: EngineEvents, channel: number, endSec: number, session: number): void {
    const id = `${session}-${channel}-${endSec}`
    const startSec = endSec - 0.5
    events.transcript({
      id,
      isFinal: true,
      channel,
      startSec,
      endSec,
      text: 'word',
      words: [{ word: 'word', startSec, endSec, confidence: 1 }],
      language: 'en',
      confidence: 1,
    })
  }
}
