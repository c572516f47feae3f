import type { VoiceDetector } from '../../src/live/audio/voice/detector.js'
import { seeded, rms } from './marks-audio.js'
import { roomTone } from './voice-noises.js'
import type { Utterance } from './voice-clips.js'

/** What a detector makes of noise and speech, in the terms of the plane: blocks of 50 ms, pre-roll, hangover. */

const RATE = 16_000
/** Samples of a block. */
export const BLOCK = 800
/** Sent before the first block of voice: 0.3 s. */
const PRE_ROLL = 6
/** Kept after the last block of voice: 0.5 s. */
const HANGOVER = 10

/** Speech among silence, with the places where it begins. */
export interface Scene {
  readonly samples: Int16Array
  readonly utterances: readonly { readonly source: string; readonly from: number; readonly to: number }[]
}

/**
 * Utterances after pauses of 1.2 to 3 s.
 * @param level RMS that each is brought to; null leaves them as they are
 * @param snrDb how far under `level` the room lies; null for zeros
 */
export function sceneOf(list: readonly Utterance[], level: number | null, snrDb: number | null, seed: number): Scene {
  const random = seeded(seed)
  let at = 0
  const utterances = list.map(({ source, samples }) => {
    const from = at + Math.round((1.2 + 1.8 * random()) * RATE)
    at = from + samples.length
    return { source, from, to: at }
  })
  const length = Math.ceil((at + RATE) / BLOCK) * BLOCK
  const samples = snrDb === null ? new Int16Array(length) : roomTone(length / RATE, (level ?? 2000) * 10 ** (-snrDb / 20), seed + 1)
  for (const [which, { from }] of utterances.entries()) {
    const spoken = list[which]!.samples
    const gain = level === null ? 1 : level / Math.max(1, rms(spoken))
    for (let index = 0; index < spoken.length; index++) {
      samples[from + index] = Math.max(-32_768, Math.min(32_767, samples[from + index]! + Math.round(spoken[index]! * gain)))
    }
  }
  return { samples, utterances }
}

/** What was said of each block in the end, and when. */
export interface Verdicts {
  readonly isVoice: Uint8Array
  /** the block with which it was known; only for voice */
  readonly knownAt: Int32Array
}

/** Lets a detector hear it all; what is left of a block at the end is not heard. */
export function verdictsOf(detector: VoiceDetector, samples: Int16Array): Verdicts {
  const blocks = Math.floor(samples.length / BLOCK)
  const isVoice = new Uint8Array(blocks)
  const knownAt = new Int32Array(blocks)
  for (let block = 0; block < blocks; block++) {
    detector.hear(samples.subarray(block * BLOCK, (block + 1) * BLOCK))
    if (!detector.isVoice) continue
    for (let back = 0; back <= detector.confirmed; back++) {
      isVoice[block - back] = 1
      knownAt[block - back] = block
    }
  }
  return { isVoice, knownAt }
}

/** Stretches of blocks that are voice or in the hangover of it. */
export function holds({ isVoice }: Verdicts): { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = []
  for (const [block, voice] of isVoice.entries()) {
    if (voice === 0) continue
    const last = found.at(-1)
    if (last && block <= last.to) last.to = block + HANGOVER + 1
    else found.push({ from: block, to: block + HANGOVER + 1 })
  }
  return found
}

/** What became of the utterances of a scene. */
export interface Hits {
  readonly onsets: number
  /** heard, and begun no more than the pre-roll after the onset */
  readonly whole: number
  /** from the onset until it was known, in ms, of those that were heard */
  readonly delaysMs: readonly number[]
  /** blocks of speech, and how many of these would not be sent */
  readonly speechBlocks: number
  readonly lostBlocks: number
  /** blocks of speech that are voice by themselves */
  readonly voiceBlocks: number
  /** where the others come from */
  readonly missed: readonly string[]
}

/** Compares verdicts with what was spoken. */
export function hitsOf(scene: Scene, verdicts: Verdicts): Hits {
  const sent = new Uint8Array(verdicts.isVoice.length)
  for (const { from, to } of holds(verdicts)) sent.fill(1, Math.max(0, from - PRE_ROLL), to)
  let [whole, speechBlocks, lostBlocks, voiceBlocks] = [0, 0, 0, 0]
  const delaysMs: number[] = []
  const missed: string[] = []
  for (const { source, from, to } of scene.utterances) {
    const first = Math.floor(from / BLOCK)
    const end = Math.ceil(to / BLOCK)
    for (let block = first; block < end; block++) {
      speechBlocks++
      if (sent[block] !== 1) lostBlocks++
      if (verdicts.isVoice[block] === 1) voiceBlocks++
    }
    const voice = verdicts.isVoice.indexOf(1, first)
    if (voice >= 0 && voice < end) {
      delaysMs.push(((verdicts.knownAt[voice]! + 1) * BLOCK - from) / 16)
    }
    if (voice >= 0 && voice < end && sent[first] === 1) whole++
    else missed.push(source)
  }
  return { onsets: scene.utterances.length, whole, delaysMs, speechBlocks, lostBlocks, voiceBlocks, missed }
}

/** CPU of a detector in ms per second of audio; the first pass is not counted. */
export function cpuMsPerSec(detector: VoiceDetector, samples: Int16Array, passes: number): number {
  verdictsOf(detector, samples)
  const before = process.cpuUsage()
  for (let pass = 0; pass < passes; pass++) verdictsOf(detector, samples)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / ((passes * samples.length) / RATE)
}
