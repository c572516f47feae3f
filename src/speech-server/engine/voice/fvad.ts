import load from '@echogarden/fvad-wasm'
import { ENGINE_RATE } from './channels.js'

/** The WebRTC voice detector, compiled to WASM. Costs 0.1 ms per second of audio. */

/** Samples a call: 20 ms at 16 kHz. */
export const FRAME_SAMPLES = 320

/** Says of each frame of one channel, in order, whether it is voice. */
export interface VoiceDetector {
  /** @param frame 320 samples, 16 kHz; copied */
  isVoice(frame: Int16Array): boolean
  /** Frees its memory; no call after it. */
  close(): void
}

/**
 * Loads the detector once; the returned function makes one for a channel.
 * @param mode 0 (everything that might be voice) to 3 (only what surely is)
 */
export async function loadVoiceDetector(mode: 0 | 1 | 2 | 3): Promise<() => VoiceDetector> {
  const module = await load()
  return () => {
    const detector = module._fvad_new()
    const buffer = module._malloc(FRAME_SAMPLES * 2)
    if (detector === 0 || buffer === 0) throw new Error('voice detector: out of memory')
    module._fvad_set_mode(detector, mode)
    module._fvad_set_sample_rate(detector, ENGINE_RATE)
    return {
      isVoice: (frame) => {
        // the memory may have moved since the last call
        module.HEAP16.set(frame, buffer >> 1)
        return module._fvad_process(detector, buffer, FRAME_SAMPLES) === 1
      },
      close: () => {
        module._fvad_free(detector)
        module._free(buffer)
      },
    }
  }
}
