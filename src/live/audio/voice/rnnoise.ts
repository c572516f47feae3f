import load from '@echogarden/rnnoise-wasm'
import { Upsampler } from './upsample.js'

/** The speech probability of RNNoise, compiled to WASM: one instance in a process, 18 kB of state for each listener. */

const FRAME_48K = 480

/** Listens to one stretch of audio, frame by frame, in order. */
export interface SpeechListener {
  /** @param frame 10 ms of 16 kHz mono; copied. @returns probability that it is speech, 0 to 1 */
  probability(frame: Int16Array): number
  /** What comes has nothing to do with what came. */
  reset(): void
  /** Frees its memory; may be called twice, no other call after it. */
  close(): void
}

/** Makes a listener. @throws {RangeError} out of memory */
export type SpeechListenerFactory = () => SpeechListener

let loading: Promise<SpeechListenerFactory> | undefined

/** Loads RNNoise, once in a process. */
export function loadRnnoise(): Promise<SpeechListenerFactory> {
  loading ??= load().then((module) => {
    const buffer = module._malloc(FRAME_48K * 4)
    const scratch = new Float32Array(FRAME_48K)
    return () => {
      let state = module._rnnoise_create(0)
      if (state === 0 || buffer === 0) throw new RangeError('speech listener: out of memory')
      const upsampler = new Upsampler()
      return {
        probability: (frame) => {
          upsampler.process(frame, scratch)
          // the memory may have moved since the last call
          module.HEAPF32.set(scratch, buffer >> 2)
          return module._rnnoise_process_frame(state, buffer, buffer)
        },
        reset: () => {
          upsampler.reset()
          module._rnnoise_init(state, 0)
        },
        close: () => {
          if (state !== 0) module._rnnoise_destroy(state)
          state = 0
        },
      }
    }
  })
  return loading
}
