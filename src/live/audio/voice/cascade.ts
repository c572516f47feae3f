/**
 * What to make of two stages: a cheap one that hears every block and lets through whatever might be voice, and a dear one that is asked only
 * until it has confirmed.
 *
 *           active              confirmed
 *   quiet ----------> candidate ----------> voice
 *     ^                |     |                |
 *     |<-- not active -+     | too long       | not active
 *     |                      v                |
 *     |<-- not active -- rejected             |
 *     +---------------------------------------+
 *
 * V1 a block that the first stage does not let through is not voice.
 * V2 from the first active block on, blocks are undecided and the second stage listens.
 * V3 when it confirms, this block is voice, and so are the undecided blocks right before it.
 * V4 once confirmed, whatever is active is voice.
 * V5 after `memoryBlocks` undecided blocks it was noise, until the first stage is quiet again.
 */
export type CascadeState =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'candidate'; readonly blocks: number }
  | { readonly kind: 'voice' }
  | { readonly kind: 'rejected' }

/** The decisions of one track's two stages; pure. */
export class Cascade {
  readonly memoryBlocks: number
  #state: CascadeState = { kind: 'quiet' }
  #confirmed = 0

  constructor(memoryBlocks: number) {
    this.memoryBlocks = memoryBlocks
  }

  get kind(): CascadeState['kind'] {
    return this.#state.kind
  }

  get isVoice(): boolean {
    return this.#state.kind === 'voice'
  }

  get isUndecided(): boolean {
    return this.#state.kind === 'candidate'
  }

  get confirmed(): number {
    return this.#confirmed
  }

  /** The next block. @param isSpeech asks the second stage about this block; called at most once */
  step(isActive: boolean, isSpeech: () => boolean): void {
    const state = this.#state
    this.#confirmed = 0
    if (!isActive) {
      this.#state = { kind: 'quiet' }
      return
    }
    if (state.kind === 'voice' || state.kind === 'rejected') return
    const before = state.kind === 'candidate' ? state.blocks : 0
    if (isSpeech()) {
      this.#confirmed = before
      this.#state = { kind: 'voice' }
    } else this.#state = before >= this.memoryBlocks ? { kind: 'rejected' } : { kind: 'candidate', blocks: before + 1 }
  }

  reset(): void {
    this.#state = { kind: 'quiet' }
    this.#confirmed = 0
  }
}
