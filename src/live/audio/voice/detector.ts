/**
 * Says of one track, block by block, whether somebody speaks. Stateful: one for each track, fed with every block in order.
 *
 * A verdict may take a while: until a candidate is confirmed its blocks are undecided; `confirmed` then says how many
 * blocks before the present one were voice after all. What is not confirmed within `memoryBlocks` was noise.
 */
export interface VoiceDetector {
  /** undecided blocks, at most, that may be confirmed later */
  readonly memoryBlocks: number
  /** root of the mean square of the last block, 0 to 32768 */
  readonly rms: number
  /** largest magnitude in the last block, 0 to 32768 */
  readonly peak: number
  /** whether the last block is voice */
  readonly isVoice: boolean
  /** whether the last block may turn out to be voice; never while `isVoice` */
  readonly isUndecided: boolean
  /** undecided blocks right before the last one that are voice after all; 0 unless the last block is voice */
  readonly confirmed: number
  /** Hears one block of 16 kHz mono; the array stays the caller's. Read the verdict before the next call. */
  hear(samples: Int16Array): void
  /** After a hole or a mute: what came before says nothing of what comes; undecided blocks are not confirmed any more. */
  reset(): void
  /** Frees what it holds outside of the heap; may be called twice. */
  close(): void
}

/** Makes a detector for a track. */
export type VoiceDetectorFactory = () => VoiceDetector
