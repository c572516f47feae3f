import type { FvadDetector, FvadMode } from '../../../core/voice/fvad.js'
import { Cascade, type CascadeRules, type LaterStages } from './cascade.js'
import type { VoiceDetector } from './detector.js'
import { LevelMeter } from './level.js'
import { PitchMeter } from './pitch.js'
import type { SpeechListener } from './rnnoise.js'
import { ToneMeter } from './tone.js'

/** What may be tuned; `npm run bench -- voice` says what it costs. */
export interface VoiceTunables extends CascadeRules {
  /** a block that stays within this of its mean is silent: zeros, comfort noise */
  readonly silentPeak: number
  /** a block is no more than the floor, and not active, while its loudest 10 ms have less than this times the power of the quietest lately */
  readonly floorRatio: number
  readonly mode: FvadMode
  /** frames of 10 ms that WebRTC's detector lets through in an active block */
  readonly activeFrames: number
  /** periodicity from which a block is voiced */
  readonly voiced: number
  /** RMS that a voiced block has at least: what is weaker is somebody else's voice */
  readonly leastRms: number
  /** probability from which 10 ms are speech, and how many of these confirm; with 0 of them nobody is asked */
  readonly speech: number
  readonly speechFrames: number
  /** a block that repeats itself as exactly as this above the voices is a tone, and takes a higher probability */
  readonly tone: number
  readonly toneSpeech: number
}

/** The values that the bench chose. */
export const VOICE_TUNABLES: VoiceTunables = {
  silentPeak: 64,
  floorRatio: 3,
  mode: 1,
  activeFrames: 2,
  voiced: 0.65,
  leastRms: 80,
  speech: 0.5,
  speechFrames: 2,
  tone: 0.985,
  toneSpeech: 0.98,
  doubtBlocks: 5,
  lookBlocks: 5,
  holdBlocks: 12,
  louder: 2,
  firstWaitBlocks: 5,
  longestWaitBlocks: 80,
  sternRun: 2,
  forgiveBlocks: 40,
}

/** 10 ms */
const FRAME_SAMPLES = 160

/** WebRTC's detector for every block above silence and floor, a look at the pitch while it is active, RNNoise until a voice is confirmed. */
export class StagedDetector implements VoiceDetector, LaterStages {
  readonly #tunables: VoiceTunables
  readonly #cascade: Cascade
  readonly #level = new LevelMeter()
  readonly #pitch = new PitchMeter()
  readonly #tone = new ToneMeter()
  readonly #fvad: FvadDetector
  readonly #listener: SpeechListener
  /** the present block; the caller's, read only while `hear` runs */
  #block = new Int16Array() as Int16Array
  #speechFrames = 0

  /** Owns both. */
  constructor(fvad: FvadDetector, listener: SpeechListener, tunables: VoiceTunables) {
    this.#fvad = fvad
    this.#listener = listener
    this.#tunables = tunables
    this.#cascade = new Cascade(tunables, this)
  }

  get memoryBlocks(): number {
    return this.#cascade.memoryBlocks
  }

  get rms(): number {
    return this.#level.rms
  }

  get peak(): number {
    return this.#level.peak
  }

  get isVoice(): boolean {
    return this.#cascade.isVoice
  }

  get isUndecided(): boolean {
    return this.#cascade.isUndecided
  }

  get confirmed(): number {
    return this.#cascade.confirmed
  }

  hear(samples: Int16Array): void {
    this.#block = samples
    this.#level.measure(samples)
    this.#cascade.step(this.#isActive(), this.#level.rms)
  }

  isVoiced(): boolean {
    return this.#level.rms >= this.#tunables.leastRms && this.#pitch.periodicity(this.#block) >= this.#tunables.voiced
  }

  /**
   * RNNoise takes many a beep for speech for some 20 ms, with 0.5 to 0.9; of a voice it is sure within 50 ms. So of a tone it has to be as sure as that:
   * a high voice that happens to be as steady is, too, or wavers a block later.
   */
  isSpeech(goesOn: boolean): boolean {
    const { speech, speechFrames, tone, toneSpeech } = this.#tunables
    if (!goesOn) {
      this.#listener.reset()
      this.#speechFrames = 0
    }
    const least = this.#tone.exactness(this.#block) >= tone ? toneSpeech : speech
    for (let at = 0; at + FRAME_SAMPLES <= this.#block.length && this.#speechFrames < speechFrames; at += FRAME_SAMPLES) {
      if (this.#listener.probability(this.#block.subarray(at, at + FRAME_SAMPLES)) >= least) this.#speechFrames++
    }
    return this.#speechFrames >= speechFrames
  }

  reset(): void {
    this.#cascade.reset()
    this.#level.reset()
    this.#fvad.reset()
  }

  close(): void {
    this.#cascade.reset()
    this.#fvad.close()
    this.#listener.close()
  }

  #isActive(): boolean {
    const { silentPeak, floorRatio, activeFrames } = this.#tunables
    if (this.#level.peak < silentPeak) return false
    this.#level.follow(this.#block)
    if (this.#level.overFloor < floorRatio) return false
    let active = 0
    for (let at = 0; at + FRAME_SAMPLES <= this.#block.length; at += FRAME_SAMPLES) {
      if (this.#fvad.isVoice(this.#block.subarray(at, at + FRAME_SAMPLES))) active++
    }
    return active >= activeFrames
  }
}
