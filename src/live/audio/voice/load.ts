import { loadFvad } from '../../../core/voice/fvad.js'
import type { VoiceDetectorFactory } from './detector.js'
import { loadRnnoise } from './rnnoise.js'
import { StagedDetector, VOICE_TUNABLES, type VoiceTunables } from './staged.js'

/**
 * Loads the voice detector, once in a process (some 10 ms); the returned function makes one for a track, for blocks of 50 ms of 16 kHz mono.
 * Detectors are made and used in any order, and each is closed by whoever made it.
 */
export async function loadVoice(tunables: Partial<VoiceTunables> = {}): Promise<VoiceDetectorFactory> {
  const [makeFvad, makeListener] = await Promise.all([loadFvad(), loadRnnoise()])
  const all = { ...VOICE_TUNABLES, ...tunables }
  return () => new StagedDetector(makeFvad(all.mode), makeListener(), all)
}
