/**
 * What to make of three stages. The first hears every block and lets through whatever might be voice: it is active. The second is cheap and
 * says whether an active block is voiced, that is, has the pitch of a voice. The third is dear, and is asked to confirm.
 *
 *            active                    confirmed
 *   quiet ------------> candidate -----------------> voice
 *     ^ ^                |   ^  |                      |
 *     | +-- not active --+   |  | nothing voiced,      | nothing voiced for long
 *     |        voiced, after |  v or not confirmed     |
 *     |        a wait or not |                         |
 *     +---- not active ---- noise <--------------------+
 *     +---- not active, nothing voiced for long -------+
 *
 * V1 a block that is not active is neither voice nor undecided.
 * V2 the first active block and those after it are undecided, at most `doubtBlocks` until the third stage listens and `lookBlocks` while it does.
 * V3 it listens to voiced blocks only. When it confirms, this block is voice, and so are the undecided ones right before it.
 * V4 once confirmed, every active block is voice as long as one of the last `holdBlocks` blocks was voiced; pauses are not held against it.
 * V5 what was not voiced in time is noise until something voiced comes.
 * V6 what was listened to for `lookBlocks` blocks in vain, in a row or not, is noise: until it is louder by `louder`, or something else voiced comes after
 *    something that is not, or a wait is over that begins with `firstWaitBlocks` and doubles with each time, up to `longestWaitBlocks`.
 * V7 from then on it takes `sternRun` voiced blocks in a row for the third stage to listen.
 * V8 that is forgotten when a voice is confirmed, or when for `forgiveBlocks` blocks nothing was listened to and nothing waited.
 */
export interface CascadeRules {
  readonly doubtBlocks: number
  readonly lookBlocks: number
  readonly holdBlocks: number
  /** ratio of RMS */
  readonly louder: number
  readonly firstWaitBlocks: number
  readonly longestWaitBlocks: number
  readonly sternRun: number
  readonly forgiveBlocks: number
}

/** The later stages, asked about the present block when their answer is needed; each at most once a block. */
export interface LaterStages {
  /** the second stage */
  isVoiced(): boolean
  /** the third stage. @param goesOn it heard the block before, too */
  isSpeech(goesOn: boolean): boolean
}

type CascadeState =
  | { readonly kind: 'quiet' }
  | Candidate
  /** `unvoiced` blocks since the last voiced one */
  | { readonly kind: 'voice'; readonly unvoiced: number }
  /** `wait` voiced blocks to go before it may be a candidate again; `rms` of what was not confirmed */
  | { readonly kind: 'noise'; readonly wait: number; readonly rms: number }

interface Candidate {
  readonly kind: 'candidate'
  /** undecided ones so far */
  readonly blocks: number
  /** voiced ones in a row */
  readonly run: number
  /** the third stage heard the last */
  readonly isListened: boolean
}

const QUIET: CascadeState = { kind: 'quiet' }
const NOTHING_YET: Candidate = { kind: 'candidate', blocks: 0, run: 0, isListened: false }
const NOT_VOICED: CascadeState = { kind: 'noise', wait: 0, rms: 0 }

/** The verdicts on one track, out of what its stages say; pure. */
export class Cascade {
  /** undecided blocks before the last one that are voice after all */
  confirmed = 0
  isVoice = false
  isUndecided = false
  readonly #rules: CascadeRules
  readonly #stages: LaterStages
  #state: CascadeState = QUIET
  /** blocks listened to in vain, and how long ago one was listened to or waited */
  #listened = 0
  #sinceListened = 0
  #rejections = 0

  constructor(rules: CascadeRules, stages: LaterStages) {
    this.#rules = rules
    this.#stages = stages
  }

  /** undecided blocks in a row, at most */
  get memoryBlocks(): number {
    return this.#rules.doubtBlocks + this.#rules.lookBlocks
  }

  /** The next block. @param rms how loud it is */
  step(isActive: boolean, rms: number): void {
    this.confirmed = 0
    if (++this.#sinceListened > this.#rules.forgiveBlocks) this.#forgive()
    this.#state = this.#next(this.#state, isActive, rms)
    this.isVoice = isActive && this.#state.kind === 'voice'
    this.isUndecided = this.#state.kind === 'candidate'
  }

  /** After a hole: nothing before it can be confirmed any more. */
  reset(): void {
    this.#state = QUIET
    this.#forgive()
    this.confirmed = 0
    this.isVoice = false
    this.isUndecided = false
  }

  #next(state: CascadeState, isActive: boolean, rms: number): CascadeState {
    if (state.kind === 'voice') return this.#hold(state.unvoiced, isActive)
    if (!isActive) return QUIET
    if (state.kind === 'noise') return this.#pass(state.wait, state.rms, rms)
    return this.#doubt(state.kind === 'candidate' ? state : NOTHING_YET, this.#stages.isVoiced(), rms)
  }

  #hold(before: number, isActive: boolean): CascadeState {
    const unvoiced = isActive && this.#stages.isVoiced() ? 0 : before + 1
    if (unvoiced < this.#rules.holdBlocks) return { kind: 'voice', unvoiced }
    return isActive ? NOT_VOICED : QUIET
  }

  #pass(wait: number, noiseRms: number, rms: number): CascadeState {
    if (!this.#stages.isVoiced()) return NOT_VOICED
    if (wait === 0 || rms > noiseRms * this.#rules.louder) return this.#doubt(NOTHING_YET, true, rms)
    this.#sinceListened = 0
    return { kind: 'noise', wait: wait - 1, rms: noiseRms }
  }

  /** An active block of which nobody knows yet. */
  #doubt(before: Candidate, isVoiced: boolean, rms: number): CascadeState {
    const { doubtBlocks, lookBlocks, firstWaitBlocks, longestWaitBlocks, sternRun } = this.#rules
    const blocks = before.blocks + 1
    const run = isVoiced ? before.run + 1 : 0
    const goesOn = isVoiced && before.isListened
    if (!goesOn && run < (this.#rejections > 0 ? sternRun : 1)) {
      return blocks > doubtBlocks ? NOT_VOICED : { kind: 'candidate', blocks, run, isListened: false }
    }
    this.#sinceListened = 0
    if (this.#stages.isSpeech(goesOn)) {
      this.confirmed = before.blocks
      this.#forgive()
      return { kind: 'voice', unvoiced: 0 }
    }
    if (++this.#listened < lookBlocks) return { kind: 'candidate', blocks, run, isListened: true }
    this.#listened = 0
    return { kind: 'noise', wait: Math.min(longestWaitBlocks, firstWaitBlocks * 2 ** this.#rejections++), rms }
  }

  #forgive(): void {
    this.#listened = 0
    this.#rejections = 0
  }
}
