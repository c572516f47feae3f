import type { FvadDetector } from '../../../core/voice/fvad.js'
import { ENGINE_RATE } from './channels.js'

/**
 * Cuts one channel into segments of speech.
 *
 * V1 speech begins when 5 of 8 frames (20 ms) are voice; its audio begins 0.3 s before the first of them, so that no onset is lost,
 *    but never inside the segment before.
 * V2 speech ends when `endpointingSec` passed without voice; up to 0.3 s of that stays in the audio, so that no ending is lost.
 * V3 speech longer than `maxUtteranceSec` is cut at the quietest point of its last third (at most 4 s): what follows is the next
 *    segment, and no sample is in both or in neither.
 * V4 at most `maxUtteranceSec` plus the lead is kept, whatever comes.
 */

/** 20 ms */
const FRAME_SAMPLES = 320
const FRAME_SEC = FRAME_SAMPLES / ENGINE_RATE
const LEAD_FRAMES = 15
const TAIL_FRAMES = 15
const TRIGGER_WINDOW = 8
const TRIGGER_VOICED = 5
/** before speech: the lead, and the frames in which the trigger looks for voice */
const IDLE_FRAMES = LEAD_FRAMES + TRIGGER_WINDOW
const CUT_SEARCH_FRAMES = 200
/** the quietest point is looked for over five frames: a stop consonant is shorter */
const QUIET_SPAN = 2

/** Speech from its first to its last voice. */
export interface VoiceSegment {
  /** seconds from the first sample of the channel */
  readonly startSec: number
  readonly endSec: number
  /** with lead and tail; yours */
  readonly audio: Int16Array<ArrayBuffer>
  /** where `audio` begins */
  readonly audioStartSec: number
  /** how much of it is voice */
  readonly voicedSec: number
}

export type SegmenterEvent = { readonly kind: 'start'; readonly timeSec: number } | { readonly kind: 'end'; readonly segment: VoiceSegment }

interface Frame {
  readonly samples: Int16Array<ArrayBuffer>
  readonly voiced: boolean
  readonly energy: number
}

export interface SegmenterOptions {
  readonly endpointingSec: number
  readonly maxUtteranceSec: number
}

/** What the segmenter needs of a detector. */
export type FrameDetector = Pick<FvadDetector, 'isVoice' | 'close'>

/** One channel's segmenter; owns its detector. */
export class VoiceSegmenter {
  readonly #detector: FrameDetector
  readonly #endFrames: number
  readonly #maxFrames: number
  /** the frames kept, oldest first; `#first` is the number of the oldest */
  #frames: Frame[] = []
  #first = 0
  /** number of the frame at which the open segment's voice begins; null when nobody speaks */
  #voiceFrom: number | null = null
  /** number of the frame after the last voiced one */
  #voiceTo = 0
  #partial = new Int16Array(FRAME_SAMPLES)
  #partialLength = 0

  constructor(detector: FrameDetector, options: SegmenterOptions) {
    this.#detector = detector
    this.#endFrames = Math.max(1, Math.round(options.endpointingSec / FRAME_SEC))
    this.#maxFrames = Math.max(TRIGGER_WINDOW, Math.floor(options.maxUtteranceSec / FRAME_SEC))
  }

  /** @param samples 16 kHz, any count; copied */
  push(samples: Int16Array): SegmenterEvent[] {
    const events: SegmenterEvent[] = []
    for (let at = 0; at < samples.length;) {
      const count = Math.min(FRAME_SAMPLES - this.#partialLength, samples.length - at)
      this.#partial.set(samples.subarray(at, at + count), this.#partialLength)
      this.#partialLength += count
      at += count
      if (this.#partialLength === FRAME_SAMPLES) {
        this.#partialLength = 0
        this.#hear(this.#partial.slice(), events)
      }
    }
    return events
  }

  /** Ends the audio: a segment that is open ends here. */
  finish(): SegmenterEvent[] {
    const events: SegmenterEvent[] = []
    if (this.#partialLength > 0) this.push(new Int16Array(FRAME_SAMPLES - this.#partialLength)).forEach((event) => events.push(event))
    if (this.#voiceFrom !== null) this.#end(events)
    return events
  }

  /** How long the open segment is, from its first voice; 0 when nobody speaks. */
  get growingSec(): number {
    return this.#voiceFrom === null ? 0 : (this.#now - this.#voiceFrom) * FRAME_SEC
  }

  /** The open segment as heard so far; null when nobody speaks. */
  growing(): VoiceSegment | null {
    return this.#voiceFrom === null ? null : this.#segment(this.#voiceFrom, this.#voiceTo, this.#now)
  }

  close(): void {
    this.#frames = []
    this.#detector.close()
  }

  /** number of the next frame */
  get #now(): number {
    return this.#first + this.#frames.length
  }

  #hear(samples: Int16Array<ArrayBuffer>, events: SegmenterEvent[]): void {
    const voiced = this.#detector.isVoice(samples)
    let energy = 0
    for (const sample of samples) energy += sample * sample
    this.#frames.push({ samples, voiced, energy })
    if (this.#voiceFrom === null) this.#waitForVoice(events)
    else {
      if (voiced) this.#voiceTo = this.#now
      if (this.#now - this.#voiceTo >= this.#endFrames) this.#end(events)
      else if (this.#now - this.#voiceFrom >= this.#maxFrames) this.#cut(this.#voiceFrom, events)
    }
  }

  #waitForVoice(events: SegmenterEvent[]): void {
    const recent = this.#frames.slice(-TRIGGER_WINDOW)
    if (recent.filter((frame) => frame.voiced).length >= TRIGGER_VOICED) {
      this.#voiceFrom = this.#now - recent.length + recent.findIndex((frame) => frame.voiced)
      this.#voiceTo = this.#now
      this.#drop(this.#voiceFrom - LEAD_FRAMES)
      events.push({ kind: 'start', timeSec: this.#voiceFrom * FRAME_SEC })
    } else if (this.#frames.length > IDLE_FRAMES) this.#drop(this.#now - IDLE_FRAMES)
  }

  #end(events: SegmenterEvent[]): void {
    const from = this.#voiceFrom ?? this.#now
    const to = Math.min(this.#now, this.#voiceTo + TAIL_FRAMES)
    events.push({ kind: 'end', segment: this.#segment(from, this.#voiceTo, to) })
    this.#voiceFrom = null
    // the tail may serve as the next one's lead, but nothing before it
    this.#drop(Math.max(this.#voiceTo, this.#now - IDLE_FRAMES))
  }

  #cut(from: number, events: SegmenterEvent[]): void {
    const search = Math.min(CUT_SEARCH_FRAMES, Math.floor(this.#maxFrames / 3))
    let cut = this.#now
    let quietest = Infinity
    for (let frame = this.#now - search; frame < this.#now - QUIET_SPAN; frame++) {
      let energy = 0
      for (let near = frame - QUIET_SPAN; near <= frame + QUIET_SPAN; near++) energy += this.#frames[near - this.#first]?.energy ?? 0
      if (energy < quietest) {
        quietest = energy
        cut = frame
      }
    }
    events.push({ kind: 'end', segment: this.#segment(from, cut, cut) }, { kind: 'start', timeSec: cut * FRAME_SEC })
    this.#voiceFrom = cut
    this.#drop(cut)
  }

  #segment(from: number, voiceTo: number, to: number): VoiceSegment {
    const frames = this.#frames.slice(0, to - this.#first)
    const audio = new Int16Array(frames.length * FRAME_SAMPLES)
    for (const [at, frame] of frames.entries()) audio.set(frame.samples, at * FRAME_SAMPLES)
    const voicedSec = frames.filter((frame) => frame.voiced).length * FRAME_SEC
    return { startSec: from * FRAME_SEC, endSec: voiceTo * FRAME_SEC, audio, audioStartSec: this.#first * FRAME_SEC, voicedSec }
  }

  /** Forgets the frames before number `to`. */
  #drop(to: number): void {
    const count = Math.max(0, to - this.#first)
    this.#frames.splice(0, count)
    this.#first += count
  }
}
