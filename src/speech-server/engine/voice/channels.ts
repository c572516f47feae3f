import { InputError } from '../../../core/errors.js'
import type { EngineSessionOptions } from '../port.js'

/** The rate both engines work at; the server resamples. */
export const ENGINE_RATE = 16_000

/** @throws {InputError} options that no engine can work with */
export function checkSessionOptions(options: EngineSessionOptions): void {
  const problems = [
    !(Number.isInteger(options.channels) && options.channels > 0) && { path: 'channels', message: 'is a whole number of at least 1' },
    options.sampleRate !== ENGINE_RATE && { path: 'sampleRate', message: `is ${ENGINE_RATE}: the server resamples` },
    !(options.endpointingSec > 0) && { path: 'endpointingSec', message: 'is more than 0' },
    !(options.maxUtteranceSec > 0) && { path: 'maxUtteranceSec', message: 'is more than 0' },
  ].filter((problem) => problem !== false)
  if (problems.length > 0) throw new InputError('the engine cannot open this session', problems)
}

/** Takes an interleaved stream apart, block by block, in one reused buffer. */
export class ChannelSplitter {
  readonly #channels: number
  #scratch = new Int16Array(0)

  constructor(channels: number) {
    this.#channels = channels
  }

  /** Frames in a block. @throws {RangeError} the block holds a broken frame */
  frames(block: Int16Array): number {
    if (block.length % this.#channels !== 0)
      throw new RangeError(`a block of ${block.length} samples is not whole frames of ${this.#channels}`)
    return block.length / this.#channels
  }

  /** One channel's samples of a block; valid until the next call. @throws {RangeError} the block holds a broken frame */
  channel(block: Int16Array, channel: number): Int16Array {
    const frames = this.frames(block)
    if (this.#channels === 1) return block
    if (this.#scratch.length < frames) this.#scratch = new Int16Array(frames)
    const out = this.#scratch.subarray(0, frames)
    for (let frame = 0, at = channel; frame < frames; frame++, at += this.#channels) out[frame] = block[at]!
    return out
  }
}

/** Id of an utterance, unique in its session: channel and count, as the service writes them. */
export const utteranceId = (channel: number, count: number): string =>
  `${String(channel).padStart(2, '0')}-${String(count).padStart(8, '0')}`
