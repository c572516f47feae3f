import type { Identity, SessionId, TrackKey } from '../../core/ids.js'
import { BlockQueue, type BlockFacts, type BlockKind } from './block-queue.js'
import { TrackClock } from './track-clock.js'
import type { AudioTunables } from './tunables.js'
import type { VoiceDetector } from './voice/detector.js'

/** Where one block went. */
export interface SentBlock {
  readonly sessionId: SessionId
  readonly fromFrame: number
}

/** The noise of a microphone is the quietest block of late: what it was once is forgotten at 4 % and 1 of RMS a second. */
const FLOOR_RISE = 1.002
const FLOOR_STEP = 0.05
/** Blocks of even noise differ by less. */
const NOISE_FACTOR = 1.5

/** One track while it is known: its ring, its clock, its voice detector, and where it sits. */
export class Track {
  readonly key: TrackKey
  readonly identity: Identity
  readonly queue: BlockQueue
  readonly clock: TrackClock
  readonly detector: VoiceDetector
  /** frames were said to have stopped although the track is not muted */
  isStalled = false
  /** gone for good: the seat is freed when the ring is empty */
  isLeaving = false
  /** meeting time since which frames are missing, until the next one comes */
  missingSinceMs: number | null = null
  /** since when frames may come, monotonic clock; NaN while they may not */
  liveSinceMs: number
  /** monotonic clock */
  lastArrivedMs = Number.NEGATIVE_INFINITY
  lastVoiceMs = Number.NEGATIVE_INFINITY
  /** when it last asked for a seat for the first time, monotonic clock; infinite while it does not */
  wantsSinceMs = Number.POSITIVE_INFINITY
  seat: { readonly sessionId: SessionId; readonly channel: number } | null = null
  /** has ever been voice */
  hasSpoken = false
  /** has gone on without a pause for so long that others are served first */
  isNoisy = false
  /** has not been quiet for as long, voice or not; served like anybody */
  isLoud = false
  /** nothing of it has been sent from its seat yet */
  isFresh = true
  /** blocks of the session since it was seated */
  heldBlocks = 0
  /** blocks without voice that were sent since the last one that is, or may yet be found to be, voice: no less of a pause than that */
  pausedBlocks = 0
  /** blocks that were sent since the last one with voice, or with a sound above the noise of the microphone */
  quietBlocks = 0
  /** blocks of the session since it was asked for its channel, by who has waited for long; 0 while it is not */
  hurriedBlocks = 0
  /** loudness of the quietest voice sent since it was seated, or the roll began */
  quietestRms = Number.POSITIVE_INFINITY
  readonly #tunables: AudioTunables
  /** undecided blocks that were sent before the verdict, oldest first; a run of them */
  #sentUndecided: SentBlock[] = []
  /** how long the pause is if those are no voice */
  #pausedOrUndecided = 0
  #soundBlocks = 0
  #pauseBlocks = 0
  #loudBlocks = 0
  #softBlocks = 0
  #floorRms = Number.POSITIVE_INFINITY

  constructor(
    who: { readonly key: TrackKey; readonly identity: Identity },
    detector: VoiceDetector,
    meetingStartMs: number,
    nowMs: number,
    tunables: AudioTunables,
  ) {
    this.key = who.key
    this.identity = who.identity
    this.detector = detector
    this.liveSinceMs = nowMs
    this.queue = new BlockQueue(tunables.ringBlocks, tunables.blockSamples)
    this.clock = new TrackClock(meetingStartMs, tunables.sampleRate, tunables.lostMs)
    this.#tunables = tunables
  }

  /** frames may come */
  get isLive(): boolean {
    return !Number.isNaN(this.liveSinceMs)
  }

  /** whether speech waits and has nowhere to go */
  get wantsSeat(): boolean {
    return this.seat === null && this.queue.voiced > 0
  }

  /** whether anything waits that can be heard, and has nowhere to go */
  get isAudible(): boolean {
    return this.seat === null && this.queue.audible > 0
  }

  /** blocks that its ring may hold where it stands */
  get limit(): number {
    const { ringBlocks, preRollBlocks } = this.#tunables
    if (this.seat !== null || this.queue.voiced > 0) return ringBlocks
    return Math.min(ringBlocks, preRollBlocks + this.queue.undecided)
  }

  /** what is no louder is the noise of the microphone, RMS */
  get noiseRms(): number {
    return NOISE_FACTOR * this.#floorRms
  }

  /** One of its blocks has come: is it still somebody who pauses now and then, and how loud are the pauses? */
  counted({ kind, rms }: Pick<BlockFacts, 'kind' | 'rms'>): void {
    const { pauseBlocks, noisyMs, blockSamples, sampleRate, loudRms } = this.#tunables
    const noisyBlocks = (noisyMs * sampleRate) / (blockSamples * 1000)
    this.#floorRms = Math.min(rms, this.#floorRms * FLOOR_RISE + FLOOR_STEP)
    if (kind === 'voice') {
      this.hasSpoken = true
      this.#pauseBlocks = 0
      this.#soundBlocks++
      if (this.#soundBlocks >= noisyBlocks) this.isNoisy = true
    } else if (++this.#pauseBlocks >= pauseBlocks) {
      this.#soundBlocks = 0
      this.isNoisy = false
    } else this.#soundBlocks++
    this.#softBlocks = rms < loudRms ? this.#softBlocks + 1 : 0
    this.#loudBlocks = this.#softBlocks >= pauseBlocks ? 0 : this.#loudBlocks + 1
    this.isLoud = this.#loudBlocks >= noisyBlocks
  }

  /** It begins again, after a mute say: that was a pause. */
  begun(nowMs: number): void {
    this.liveSinceMs = nowMs
    this.#soundBlocks = 0
    this.#loudBlocks = 0
    this.isNoisy = false
    this.isLoud = false
  }

  /** Its pause begins anew. */
  restartPause(): void {
    this.pausedBlocks = 0
    this.#pausedOrUndecided = 0
  }

  /** A block of this kind was sent from its seat; zeros are silent. */
  sent(kind: BlockKind): void {
    this.pausedBlocks = kind === 'silent' ? this.pausedBlocks + 1 : 0
    this.#pausedOrUndecided = kind === 'voice' ? 0 : this.#pausedOrUndecided + 1
  }

  /** A block was sent before it was known whether it is voice. */
  sentUndecided(block: SentBlock): void {
    this.#sentUndecided.push(block)
    // more than the detector can still decide on are not kept
    if (this.#sentUndecided.length > this.detector.memoryBlocks) this.#sentUndecided.shift()
  }

  /**
   * The undecided blocks were voice, or not.
   * @param most how many of the newest were voice
   * @returns how many waiting ones became voice, and those that were sent
   */
  decided(most: number): { readonly waiting: number; readonly sent: readonly SentBlock[] } {
    if (this.queue.undecided === 0 && this.#sentUndecided.length === 0) return NOTHING_DECIDED
    const waiting = this.queue.decide(most)
    const sent = most > waiting ? this.#sentUndecided.slice(-(most - waiting)) : []
    this.#sentUndecided = []
    // the newest of those sent were voice, or none: what was sent of the pause before them goes on
    if (sent.length > 0) this.#pausedOrUndecided = this.pausedBlocks
    else this.pausedBlocks = this.#pausedOrUndecided
    return { waiting, sent }
  }
}

const NOTHING_DECIDED = { waiting: 0, sent: [] } as const
