import { encodeMark } from '../../src/speech-server/engine/marks/codec.js'
import { concat, rms, seeded, whiteNoise } from './marks-audio.js'
import type { Meeting } from './turns.js'

const RATE = 16_000
/** samples of a block as they come from a room */
export const BLOCK = 800
export const BLOCK_MS = 50
/** of the microphones when nobody speaks; white, peaks of 43 */
const FLOOR_RMS = 25
const LOOP_BLOCKS = 200

/** The stamp lies in the lowest bits of the first samples: it changes no sample by more than one, so no detector can hear it. */
const STAMP_BITS = 32
const MAGIC = 0x2d
const BLOCK_BITS = 18
const PERSON_BITS = 8

/** A block of a turn that is quieter holds no voice: only the ramp of a chord, and the pause behind it. */
const QUIET_RMS = 200

/** Every so many samples count for the sum by which a block is known again. */
const SUM_STRIDE = 9

/** Whose block, and the how many-th: person and number in one, always above 0; 0 is silence that nobody made. */
export const stampOf = (person: number, block: number): number => (person << BLOCK_BITS) | block | (1 << (BLOCK_BITS + PERSON_BITS))
export const personOf = (stamp: number): number => (stamp >> BLOCK_BITS) & ((1 << PERSON_BITS) - 1)
export const blockOf = (stamp: number): number => stamp & ((1 << BLOCK_BITS) - 1)

/** Reads the stamp of one channel of an interleaved block; 0 when there is none. */
export function readStamp(interleaved: Int16Array, channel: number, channels: number): number {
  let bits = 0
  for (let bit = 0, at = channel; bit < STAMP_BITS; bit++, at += channels) bits |= ((interleaved[at] ?? 0) & 1) << bit
  if (bits >>> (BLOCK_BITS + PERSON_BITS) !== MAGIC) return 0
  return stampOf((bits >>> BLOCK_BITS) & ((1 << PERSON_BITS) - 1), bits & ((1 << BLOCK_BITS) - 1))
}

/** By which a block is told from every other with its stamp but other samples. */
export function sumOf(interleaved: Int16Array, channel: number, channels: number): number {
  let sum = 0
  for (let at = channel; at < interleaved.length; at += channels * SUM_STRIDE) sum = (sum * 31 + (interleaved[at] ?? 0)) | 0
  return sum
}

function stamp(samples: Int16Array, person: number, block: number): void {
  const bits = (MAGIC << (BLOCK_BITS + PERSON_BITS)) | (person << BLOCK_BITS) | block
  for (let bit = 0; bit < STAMP_BITS; bit++) samples[bit] = ((samples[bit] ?? 0) & ~1) | ((bits >>> bit) & 1)
}

/** What a simulated person sounds like while speaking, at 16 kHz; played in a loop from the beginning of each turn. */
export type Voice = (person: number) => Int16Array

const loops = new Map<number, Int16Array>()

/** Four seconds of marks, which every voice detector takes for speech; no two of the first 64 people say the same. */
export const marksVoice: Voice = (person) => {
  const known = loops.get(person)
  if (known) return known
  const loop = concat(...Array.from({ length: 20 }, (_, n) => encodeMark(person % 64, n * 64 + (person >> 6), RATE)))
  loops.set(person, loop)
  return loop
}

/** How a crowd sounds. */
export interface CrowdAudioOptions {
  readonly seed: number
  readonly voice?: Voice
  /** noise of microphones, or zeros, when somebody does not speak */
  readonly floor?: 'noise' | 'zeros'
  /** samples that stand for a block of 50 ms: fewer than 800, a divisor of it, when only the rules are looked at, which count blocks */
  readonly blockSamples?: number
}

interface Person {
  /** first block begins at this time of the meeting, ms: frames of different people do not come at once */
  readonly phaseMs: number
  readonly voice: Int16Array
  readonly noiseFrom: number
  /** from, to, from, to, ...; samples of the meeting */
  readonly turns: readonly number[]
  /** index of the first turn that may touch the next block */
  next: number
}

/**
 * The microphones of a meeting: block by block, voice while a turn lasts, to the sample, and each block with a stamp that says
 * whose and the how many-th it is. A person's blocks are to be asked for in order.
 */
export class CrowdAudio {
  readonly people: number
  /** of every person */
  readonly blocks: number
  readonly blockSamples: number
  /** samples of voice in each block, [person][block], once it was made; 0 where they are too quiet */
  readonly voiced: readonly Uint16Array[]
  /** `sumOf` each block that was made, [person][block] */
  readonly sums: readonly Int32Array[]
  readonly #persons: readonly Person[]
  readonly #floor: Int16Array

  /** @throws {RangeError} more people or a longer meeting than a stamp can say */
  constructor(meeting: Meeting, { seed, voice = marksVoice, floor = 'noise', blockSamples = BLOCK }: CrowdAudioOptions) {
    const random = seeded(seed)
    const perMs = blockSamples / BLOCK_MS
    this.blockSamples = blockSamples
    this.people = meeting.people.length
    this.blocks = Math.ceil(meeting.endMs / BLOCK_MS)
    if (this.people >= 1 << PERSON_BITS || this.blocks >= 1 << BLOCK_BITS) throw new RangeError('too many people, or too long')
    const loopSamples = LOOP_BLOCKS * blockSamples
    this.#floor = floor === 'noise' ? whiteNoise(loopSamples + blockSamples, FLOOR_RMS, seed) : new Int16Array(loopSamples + blockSamples)
    this.voiced = meeting.people.map(() => new Uint16Array(this.blocks))
    this.sums = meeting.people.map(() => new Int32Array(this.blocks))
    this.#persons = meeting.people.map((name, person) => ({
      phaseMs: 10 * Math.floor(random() * 5),
      voice: voice(person).filter((_, at) => at % (BLOCK / blockSamples) === 0),
      noiseFrom: Math.floor(random() * loopSamples),
      turns: meeting.turns
        .filter(({ speaker }) => speaker === name)
        .flatMap(({ fromMs, toMs }) => [Math.round(fromMs * perMs), Math.round(toMs * perMs)]),
      next: 0,
    }))
  }

  /** when the person's first block begins, ms of the meeting: 0 to 40 */
  phaseMs(person: number): number {
    return this.#persons[person]?.phaseMs ?? 0
  }

  /** when the block begins, ms of the meeting; it arrives when it ends */
  startMs(person: number, block: number): number {
    return this.phaseMs(person) + block * BLOCK_MS
  }

  /** Makes one block; fresh, the caller's. */
  make(person: number, block: number): Int16Array {
    const one = this.#persons[person] as Person
    const length = this.blockSamples
    const from = (this.startMs(person, block) * length) / BLOCK_MS
    const noiseAt = (one.noiseFrom + block * length) % (LOOP_BLOCKS * length)
    const samples = this.#floor.slice(noiseAt, noiseAt + length)
    while (one.next < one.turns.length && (one.turns[one.next + 1] ?? 0) <= from) one.next += 2
    let voiced = 0
    for (let at = one.next; at < one.turns.length && (one.turns[at] ?? 0) < from + length; at += 2) {
      const turnFrom = one.turns[at] ?? 0
      voiced += speak(
        samples,
        one.voice,
        from - turnFrom,
        Math.max(from, turnFrom) - from,
        Math.min(from + length, one.turns[at + 1] ?? 0) - from,
      )
    }
    stamp(samples, person, block)
    this.voiced[person]![block] = voiced > 0 && rms(samples) < QUIET_RMS ? 0 : voiced
    this.sums[person]![block] = sumOf(samples, 0, 1)
    return samples
  }
}

/** Puts the loop over samples `start` to `end`; sample 0 is `offset` after the turn began. @returns how many */
function speak(samples: Int16Array, loop: Int16Array, offset: number, start: number, end: number): number {
  for (let at = start; at < end;) {
    const loopAt = (offset + at) % loop.length
    const count = Math.min(end - at, loop.length - loopAt)
    samples.set(loop.subarray(loopAt, loopAt + count), at)
    at += count
  }
  return end - start
}
