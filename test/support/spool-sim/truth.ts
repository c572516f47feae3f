import { decodeAudio, samplesOf } from '../../../src/live/stt/spool/record.js'

/** Frames of one numbering, and which ones of what was spoken they are. */
interface Piece {
  readonly from: number
  readonly to: number
  readonly voice: number
  /** of the voice, at `from` */
  readonly at: number
}

/** What was spoken under the numbers of a session, or of a buffer on its way. */
export class Numbering {
  readonly #pieces: readonly Piece[]

  constructor(pieces: readonly Piece[] = []) {
    this.#pieces = pieces
  }

  at(frame: number): readonly [voice: number, at: number] | null {
    const piece = this.#pieces.find(({ from, to }) => frame >= from && frame < to)
    return piece ? [piece.voice, piece.at + frame - piece.from] : null
  }

  /** Counted from `frame` on. */
  from(frame: number): Numbering {
    return new Numbering(
      this.#pieces.flatMap(({ from, to, voice, at }) => {
        const skipped = Math.max(0, frame - from)
        return to <= frame ? [] : [{ from: from - frame + skipped, to: to - frame, voice, at: at + skipped }]
      }),
    )
  }

  /** All up to `end`, then a voice of its own, under the same numbers. */
  continued(end: number, voice: number): Numbering {
    const cut = this.#pieces.flatMap((piece) => (piece.from < end ? [{ ...piece, to: Math.min(end, piece.to) }] : []))
    return new Numbering([...cut, { from: end, to: Infinity, voice, at: end }])
  }
}

/** What became of a frame. */
export const DURABLE = 1
/** acknowledged, given up, told as lost, or swept */
export const DONE = 2
/** read by whoever looked at the end */
export const SEEN = 4

const FRAMES = 1 << 13

/** Every frame that was ever spoken: what became of it, and who has it. */
export class Truth {
  readonly #fates: Uint8Array[] = []
  readonly #holders: Uint16Array[] = []

  /** @returns a new voice, whose samples nobody else speaks */
  voice(): number {
    this.#fates.push(new Uint8Array(FRAMES))
    return this.#holders.push(new Uint16Array(FRAMES)) - 1
  }
  get voices(): number {
    return this.#fates.length
  }

  /** @returns null when the voice has spoken enough */
  samples(voice: number, at: number, frames: number): Int16Array | null {
    if (at + frames > FRAMES) return null
    return Int16Array.from({ length: frames * 2 }, (_, index) => (index % 2 === 0 ? voice : at + (index >> 1)))
  }

  fate(voice: number, at: number): number {
    return this.#fates[voice]![at]!
  }
  is(voice: number, at: number, fate: number): boolean {
    return (this.fate(voice, at) & fate) !== 0
  }
  set(voice: number, at: number, fate: number): void {
    this.#fates[voice]![at]! |= fate
  }
  unset(voice: number, at: number, fate: number): void {
    this.#fates[voice]![at]! &= ~fate
  }
  /** on the disk, and owed to the service */
  isOwed(voice: number, at: number): boolean {
    return (this.fate(voice, at) & (DURABLE | DONE)) === DURABLE
  }
  holder(voice: number, at: number): number {
    return this.#holders[voice]![at]!
  }
  hold(voice: number, at: number, holder: number): void {
    this.#holders[voice]![at] = holder
  }

  /** Each frame that a holder has. */
  *held(holder: number): Generator<readonly [voice: number, at: number]> {
    for (const [voice, holders] of this.#holders.entries())
      for (let at = holders.indexOf(holder); at >= 0; at = holders.indexOf(holder, at + 1)) yield [voice, at]
  }

  /** Each frame that is owed. */
  *owed(): Generator<readonly [voice: number, at: number]> {
    for (const [voice, fates] of this.#fates.entries())
      for (let at = 0; at < FRAMES; at++) if ((fates[at]! & (DURABLE | DONE)) === DURABLE) yield [voice, at]
  }
}

/** The frames in the good records of a file. */
export function* framesOf(bytes: Uint8Array): Generator<readonly [voice: number, at: number]> {
  for (const { pcm } of decodeAudio(Buffer.from(bytes)).records) {
    const samples = samplesOf(pcm)
    for (let index = 0; index < samples.length; index += 2) yield [samples[index]!, samples[index + 1]!]
  }
}
