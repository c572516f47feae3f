import { loadFvad } from '../../../core/voice/fvad.js'
import type { VoiceDetectorFactory } from './detector.js'
import { loadRnnoise } from './rnnoise.js'
import { StagedDetector } from './staged.js'

const MODE = 3

/**
 * Loads the voice detector, once in a process (some 10 ms); the returned function makes one for a track, for blocks of 16 kHz mono that are
 * whole tens of milliseconds long. Detectors are made and used in any order, and each is closed by whoever made it.
 */
export async function loadVoice(): Promise<VoiceDetectorFactory> {
  const [makeFvad, makeListener] = await Promise.all([loadFvad(), loadRnnoise()])
  return () => new StagedDetector(makeFvad(MODE), makeListener())
}
