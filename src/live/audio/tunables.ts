/** What may be tuned of the audio plane; a block is `blockSamples` long everywhere. */
export interface AudioTunables {
  /** samples per second and channel */
  readonly sampleRate: number
  readonly blockSamples: number
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
  /** kept before the first block that is, or may be, voice of a track that has no channel */
  readonly preRollBlocks: number
  /**
   * of that, what goes out in any case before the voice of who had to wait; the rest only where it can be heard. Of 3 000 onsets of real and
   * made voices, from -53 dBFS up, none has a sound in what is left out then; with 0.2 s 8 would, of the softest (test: lead.test.ts)
   */
  readonly leadBlocks: number
  /** channels that are let go of at a take-over pause although nobody waits yet */
  readonly readyChannels: number
  /** without voice, after which a leased channel is let go; and when somebody waits for one */
  readonly hangoverBlocks: number
  readonly takeOverBlocks: number
  /** of those, sent behind the last voice in any case: of 33 real endings in noise (20 dB) 4 went on for longer than that, 9 for longer than half of it */
  readonly tailBlocks: number
  /** blocks that may wait above the need before pauses are cut */
  readonly spareBlocks: number
  /** what is left of a pause that is cut, and what counts as a pause for a move */
  readonly pauseBlocks: number
  /**
   * zeros on a channel between two owners, whatever silence of the old one came before: an engine hears the room's noise and its own
   * hangover as voice up to 0.2 s after the detector, and with 0.1 s less of zeros goes on into the next pre-roll (test: guard.test.ts)
   */
  readonly guardBlocks: number
  /**
   * who has not paused since a roll began for so long moves at a quiet block, and from `holdLimitMs` on at any; who has held a channel for so
   * long lets one who has waited for long in at a quiet block, and at any when it has looked for one for the time between the two
   */
  readonly holdDeadlineMs: number
  readonly holdLimitMs: number
  /** who has waited for so long may interrupt one who has not paused */
  readonly patienceMs: number
  /** sound without a pause for so long is noise: others are served first */
  readonly noisyMs: number
  /** noise lets another in after so long */
  readonly noisyHoldMs: number
  /** RMS from which a block is loud: of a microphone that is never quieter for as long as that, the noise is told, voice or not */
  readonly loudRms: number
  /** speech that waits for longer makes a session of mode `auto` grow */
  readonly growWaitMs: number
  /** speech that has waited for a channel for so long is told to wait: what is shorter, nobody could read */
  readonly tellWaitMs: number
  /** after so long without need of them, a session of mode `auto` gives channels back */
  readonly calmMs: number
  /** a session is closed after so long without voice; the next voice opens another */
  readonly idleCloseMs: number
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
  /** a track whose last frame is older than this when it ends was not heard since: its end may be told 0.5 s late, a stall is told after 2 s */
  readonly lastFrameMs: number
}

/** The values in use; the decisions behind them are in the README of the project, what they come to among its numbers. */
export const AUDIO_TUNABLES: AudioTunables = {
  sampleRate: 16_000,
  blockSamples: 800,
  graceMs: 400,
  activeMs: 450,
  stallMs: 200,
  catchUpBlocks: 200,
  ringBlocks: 600,
  preRollBlocks: 6,
  leadBlocks: 5,
  readyChannels: 2,
  hangoverBlocks: 10,
  takeOverBlocks: 6,
  tailBlocks: 2,
  spareBlocks: 2,
  pauseBlocks: 6,
  guardBlocks: 8,
  holdDeadlineMs: 15_000,
  holdLimitMs: 17_000,
  patienceMs: 5000,
  noisyMs: 60_000,
  noisyHoldMs: 2000,
  loudRms: 330,
  growWaitMs: 500,
  tellWaitMs: 300,
  calmMs: 120_000,
  idleCloseMs: 300_000,
  maxSessionMs: 10_500_000,
  voiceRms: 200,
  audiblePeak: 64,
  mergeGapMs: 1000,
  lostMs: 100,
  lastFrameMs: 1000,
}

/** Length of a block in ms. */
export const blockMsOf = (tunables: AudioTunables): number => (tunables.blockSamples * 1000) / tunables.sampleRate
