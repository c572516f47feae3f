/** What may be tuned of the audio plane; a block is `blockSamples` long everywhere. */
export interface AudioTunables {
  /** samples per second and channel */
  readonly sampleRate: number
  readonly blockSamples: number
  /** channels that a session may have, ascending */
  readonly sizes: readonly number[]
  /** how long a due block waits for a late seat */
  readonly graceMs: number
  /** a seat whose last frame is older is not waited for */
  readonly activeMs: number
  /** ticks further apart than this are a stall of the process */
  readonly stallMs: number
  /** blocks sent by one tick and session, at most */
  readonly catchUpBlocks: number
  /** blocks waiting in one track's ring, at most; a session further behind skips forward */
  readonly ringBlocks: number
  /** kept of a track that has no seat */
  readonly preRollBlocks: number
  /** blocks that may wait above the need before pauses are cut */
  readonly spareBlocks: number
  /** what is left of a pause that is cut, and what counts as a pause for a move */
  readonly pauseBlocks: number
  /** zeros on a channel between two owners */
  readonly guardBlocks: number
  /** a roll moves whoever has not paused from here on, at a quiet block; and from `rollLimitMs` on wherever they are */
  readonly rollDeadlineMs: number
  readonly rollLimitMs: number
  /** a session older than this is rolled (Gladia ends one at 3 h) */
  readonly maxSessionMs: number
  /** RMS from which a block is voice */
  readonly voiceRms: number
  /** peak from which a block is audio at all */
  readonly audiblePeak: number
  /** lost stretches closer than this are one gap */
  readonly mergeGapMs: number
  /** lateness that does not go away from which frames count as lost */
  readonly lostMs: number
}

/** The values of design.md section 3 and issue 3. */
export const AUDIO_TUNABLES: AudioTunables = {
  sampleRate: 16_000,
  blockSamples: 800,
  sizes: [2, 4, 8],
  graceMs: 400,
  activeMs: 450,
  stallMs: 200,
  catchUpBlocks: 200,
  ringBlocks: 600,
  preRollBlocks: 10,
  spareBlocks: 2,
  pauseBlocks: 6,
  guardBlocks: 10,
  rollDeadlineMs: 15_000,
  rollLimitMs: 17_000,
  maxSessionMs: 10_500_000,
  voiceRms: 200,
  audiblePeak: 64,
  mergeGapMs: 1000,
  lostMs: 100,
}

/** Length of a block in ms. */
export const blockMsOf = (tunables: AudioTunables): number => (tunables.blockSamples * 1000) / tunables.sampleRate
