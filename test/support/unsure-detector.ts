import type { VoiceDetector } from '../../src/live/audio/voice/detector.js'

/** Blocks that it may be undecided about, at most. */
const MOST = 5
/** What was found to be noise is noise for so long, at most. */
const LONGEST_NOISE = 8

type State =
  | { readonly kind: 'quiet' | 'voice' }
  /** `left` loud blocks until it decides; what it will say */
  | { readonly kind: 'unsure'; readonly left: number; readonly isVoice: boolean }
  | { readonly kind: 'noise'; readonly left: number }

/**
 * Loud blocks may be voice: it is undecided about up to five of them, then says that they were or that they were not. How many, and which, is
 * drawn from the seed and from what the blocks hold, so that a story replays. Knows of each block by its first sample what became of it.
 */
export class UnsureDetector implements VoiceDetector {
  readonly memoryBlocks = MOST
  rms = 0
  peak = 0
  confirmed = 0
  /** first samples of the blocks that were voice */
  readonly voiced = new Set<number>()
  readonly #seed: number
  #state: State = { kind: 'quiet' }
  #pending: number[] = []

  constructor(seed: number) {
    this.#seed = seed
  }

  get isVoice(): boolean {
    return this.#state.kind === 'voice'
  }

  get isUndecided(): boolean {
    return this.#state.kind === 'unsure'
  }

  hear(samples: Int16Array): void {
    const mark = samples[0] ?? 0
    this.rms = Math.abs(samples[1] ?? 0)
    this.peak = this.rms
    this.#state = this.rms < 200 ? { kind: 'quiet' } : this.#next(mark)
    this.confirmed = this.isVoice ? this.#pending.length : 0
    if (this.isVoice) for (const voiced of [...this.#pending, mark]) this.voiced.add(voiced)
    this.#pending = this.isUndecided ? [...this.#pending, mark] : []
  }

  reset(): void {
    this.#state = { kind: 'quiet' }
    this.#pending = []
  }

  close(): void {
    this.reset()
  }

  /** The track has ended: what nobody can tell of any more counts as voice. */
  ended(): void {
    for (const mark of this.#pending) this.voiced.add(mark)
    this.#pending = []
  }

  #next(mark: number): State {
    const state = this.#state
    if (state.kind === 'voice') return state
    if (state.kind === 'noise' && state.left > 0) return { kind: 'noise', left: state.left - 1 }
    const drawn = (Math.imul(mark + this.#seed, 0x9e3779b1) ^ this.#seed) >>> 8
    const { left, isVoice } = state.kind === 'unsure' ? state : { left: drawn % (MOST + 1), isVoice: drawn % 7 < 4 }
    if (left > 0) return { kind: 'unsure', left: left - 1, isVoice }
    return isVoice ? { kind: 'voice' } : { kind: 'noise', left: drawn % LONGEST_NOISE }
  }
}
