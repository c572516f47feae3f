import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded, turn } from './marks-audio.js'
import { sharedData } from './shared-data.js'
import { readWav } from './wav.js'

/** Speech with known onsets, to be mixed with silence and noise. */

const RATE = 16_000
/** 10 ms */
const FRAME = 160

/** One stretch of speech: it begins with its first sound. */
export interface Utterance {
  readonly source: string
  readonly samples: Int16Array
}

/** RMS of each 10 ms. */
function levels(samples: Int16Array): number[] {
  return Array.from({ length: Math.floor(samples.length / FRAME) }, (_, frame) => {
    let squares = 0
    for (let at = frame * FRAME; at < (frame + 1) * FRAME; at++) squares += samples[at]! ** 2
    return Math.sqrt(squares / FRAME)
  })
}

/** a pause of this many frames parts two utterances */
const PAUSE = 25
/** what is weaker than the rest of an utterance belongs to it for so long before and after: consonants do, breaths are longer */
const WEAK = 15

/**
 * Cuts a clip into utterances by level alone. Sound is what is less than 32 dB under the level that 3 % of the frames pass, and above three
 * times the clip's floor; 250 ms without it part two utterances. An utterance begins where it comes within 20 dB of that level, and the up
 * to 150 ms of sound before it. Left out are pieces under 120 ms, those with less than 50 ms within 16 dB, and those cut off by an end of the clip.
 * @param isWhole the clip begins and ends with its speech: nothing is cut off
 */
export function utterances(source: string, clip: Int16Array, isWhole = false): Utterance[] {
  const level = levels(clip)
  const sorted = level.toSorted((a, b) => a - b)
  const loud = sorted[Math.floor(sorted.length * 0.97)] ?? 0
  const floor = sorted[Math.floor(sorted.length * 0.03)] ?? 0
  const threshold = Math.max(loud / 40, Math.min(floor * 3, loud / 10))
  const runs: { from: number; to: number }[] = []
  for (const [frame, value] of level.entries()) {
    if (value < threshold) continue
    const last = runs.at(-1)
    if (last && frame - last.to <= PAUSE) last.to = frame + 1
    else runs.push({ from: frame, to: frame + 1 })
  }
  return runs
    .filter(({ from, to }) => isWhole || (from > 10 && to < level.length - 10))
    .map(({ from, to }) => {
      const strong = level
        .slice(from, to)
        .map((value, at, all) => [value, all[at + 1], all[at + 2]].every((near) => (near ?? 0) >= loud / 10))
      return { from: Math.max(from, from + strong.indexOf(true) - WEAK), to: Math.min(to, from + strong.lastIndexOf(true) + WEAK) }
    })
    .filter(({ from, to }) => to - from >= 12 && level.slice(from, to).filter((value) => value > loud / 6).length >= 5)
    .map(({ from, to }) => ({ source, samples: clip.slice(from * FRAME, to * FRAME) }))
}

/** The real clips on this machine; none where they are absent: then there are the made ones. */
export function realUtterances(): Utterance[] {
  const data = sharedData('speech')
  if (data === null) return []
  const folder = join(data, 'speech')
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => {
      const file = readFileSync(join(folder, name.endsWith('.wav') || name.endsWith('.raw') ? name : 'README.md'))
      if (name.endsWith('.raw'))
        return utterances(
          name,
          Int16Array.from({ length: file.length >> 1 }, (_, at) => file.readInt16LE(at * 2)),
        )
      // one clip is FLAC; the one at another rate begins and ends with its sentence
      if (!name.endsWith('.wav')) return []
      const rate = file.readUInt32LE(24)
      file.writeUInt32LE(RATE, 24)
      return rate === RATE ? spedUp(name, readWav(file)) : spedUp(name, atSpeed(readWav(file), rate / RATE), true)
    })
}

/** The clip as it is, and slower and faster: deeper and higher voices. */
const spedUp = (name: string, clip: Int16Array, isWhole = false): Utterance[] =>
  [1, 0.84, 1.19].flatMap((speed) =>
    utterances(speed === 1 ? name : `${name} x${speed}`, speed === 1 ? clip : atSpeed(clip, speed), isWhole),
  )

/** Between two samples a straight line: good enough at a change of a sixth. */
function atSpeed(clip: Int16Array, speed: number): Int16Array {
  return Int16Array.from({ length: Math.floor((clip.length - 1) / speed) }, (_, at) => {
    const from = Math.floor(at * speed)
    const share = at * speed - from
    return Math.round(clip[from]! * (1 - share) + clip[from + 1]! * share)
  })
}

/** Turns of coded tones, 1 to 4 s long, as they are spoken. */
export const markUtterances = (count: number, seed: number): Utterance[] => {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, at) => ({
    source: 'marks',
    samples: turn(Math.floor(random() * 64), Math.floor(random() * 15_000), 5 + (at % 16)),
  }))
}

/** Formants of vowels, Hz. */
const VOWELS = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [300, 870, 2240],
  [530, 1840, 2480],
  [570, 840, 2410],
  [660, 1720, 2410],
] as const

/** Somebody who says vowels, some after a hiss: a train of glottal pulses through three formants, with the melody and rhythm of syllables. */
export const vowelUtterances = (count: number, seed: number): Utterance[] => {
  const random = seeded(seed)
  return Array.from({ length: count }, () => {
    const voiceHz = 90 + 140 * random()
    const syllables = 2 + Math.floor(random() * 7)
    const parts = Array.from({ length: syllables }, () => syllable(random, voiceHz * (0.85 + 0.3 * random())))
    const samples = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      samples.set(part, at)
      at += part.length
    }
    return { source: 'vowels', samples }
  })
}

function syllable(random: () => number, voiceHz: number): Int16Array {
  const hiss = random() < 0.4 ? Math.round((0.04 + 0.06 * random()) * RATE) : 0
  const length = hiss + Math.round((0.12 + 0.16 * random()) * RATE)
  const formants = VOWELS[Math.floor(random() * VOWELS.length)] ?? VOWELS[0]
  const states = formants.map((hz) => ({ cos: 2 * Math.cos((2 * Math.PI * hz) / RATE), one: 0, two: 0 }))
  let phase = 0
  let source = 0
  const sound = Float64Array.from({ length }, (_, at) => {
    if (at < hiss) return (random() - 0.5) * 0.25
    phase += (voiceHz * (1 + 0.1 * Math.sin((3 * (at - hiss)) / (length - hiss)))) / RATE
    const isPulse = phase >= 1
    if (isPulse) phase -= 1
    // a pulse, made duller twice: 12 dB an octave less
    source = 0.9 * source + (isPulse ? 1 : 0) + (random() - 0.5) * 0.01
    let sum = 0
    for (const [which, state] of states.entries()) {
      const out = source + 0.97 * state.cos * state.one - 0.97 ** 2 * state.two
      state.two = state.one
      state.one = out
      sum += out / 2 ** which
    }
    const time = (at - hiss) / (length - hiss)
    return sum * Math.min(1, time * 8, (1 - time) * 5)
  })
  const peak = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return Int16Array.from(sound, (value) => Math.round((value / Math.max(1e-9, peak)) * 9000))
}
