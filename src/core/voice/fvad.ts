import load, { type FvadModule } from '@echogarden/fvad-wasm'

/** The WebRTC voice detector, compiled to WASM: one instance in a process, a small state for each channel. */

/** The rate it is used at here, in Hz. */
const RATE = 16_000
/** bytes of the longest frame: 30 ms */
const BUFFER_BYTES = 960

/** 0 (everything that might be voice) to 3 (only what surely is). */
export type FvadMode = 0 | 1 | 2 | 3

/** Says of each frame of one channel, in order, whether it is voice. */
export interface FvadDetector {
  /**
   * @param frame 10, 20 or 30 ms of 16 kHz mono; copied
   * @throws {RangeError} a frame of another length
   */
  isVoice(frame: Int16Array): boolean
  /** Forgets what it heard. */
  reset(): void
  /** Frees its memory; may be called twice, no other call after it. */
  close(): void
}

/** Makes a detector for a channel. @throws {RangeError} out of memory */
export type FvadFactory = (mode: FvadMode) => FvadDetector

let loading: Promise<FvadFactory> | undefined

/** Loads the detector, once in a process. */
export function loadFvad(): Promise<FvadFactory> {
  loading ??= load().then((module) => {
    // one buffer for all: a call copies its frame in and is done with it when it returns
    const buffer = module._malloc(BUFFER_BYTES)
    return (mode) => makeDetector(module, buffer, mode)
  })
  return loading
}

function makeDetector(module: FvadModule, buffer: number, mode: FvadMode): FvadDetector {
  let detector = module._fvad_new()
  if (detector === 0 || buffer === 0) throw new RangeError('voice detector: out of memory')
  const configure = () => {
    module._fvad_set_mode(detector, mode)
    module._fvad_set_sample_rate(detector, RATE)
  }
  configure()
  return {
    isVoice: (frame) => {
      if (frame.length * 2 > BUFFER_BYTES) throw new RangeError(`a frame of ${frame.length} samples`)
      // the memory may have moved since the last call
      module.HEAP16.set(frame, buffer >> 1)
      const verdict = module._fvad_process(detector, buffer, frame.length)
      if (verdict < 0) throw new RangeError(`a frame of ${frame.length} samples`)
      return verdict === 1
    },
    reset: () => {
      module._fvad_reset(detector)
      configure()
    },
    close: () => {
      if (detector !== 0) module._fvad_free(detector)
      detector = 0
    },
  }
}
