import type { Identity, SessionId, TrackKey } from '../../core/ids.js'
import { activityOf, type Activity } from './activity.js'
import type { BlockFacts } from './block-queue.js'
import { GapLog } from './gap-log.js'
import { LateStarts, type Missing, type Opening } from './late-starts.js'
import { Sizing, type ChannelPlan } from './lease/sizing.js'
import { Ledger, type AudioCounters } from './ledger.js'
import { Patience } from './patience.js'
import { SessionPool } from './session-pool.js'
import type { AudioSink } from './sink.js'
import type { GapReason } from './span.js'
import { Track } from './track.js'
import { AUDIO_TUNABLES, blockMsOf, type AudioTunables } from './tunables.js'
import type { VoiceDetectorFactory } from './voice/detector.js'
import { EnergyDetector } from './voice/energy.js'

const DEFAULT_PLAN: ChannelPlan = { max: 4, mode: 'fixed' }

/** How to make an audio plane. */
export interface AudioPlaneOptions {
  /** monotonic clock at the meeting's start */
  readonly meetingStartMs: number
  readonly tunables?: Partial<AudioTunables>
  /** makes the voice detector of each track; an energy gate when absent */
  readonly detector?: VoiceDetectorFactory
  /** how many channels sessions may have; as many as people, up to 4, when absent */
  readonly channels?: ChannelPlan
}

/**
 * Frames of many tracks in, interleaved blocks, spans and gaps out. Pure: told the time, never asks it; the rules are in README.md.
 * All times are of the monotonic clock and do not go back. After `finish` every call is without effect.
 */
export class AudioPlane {
  readonly #meetingStartMs: number
  readonly #tunables: AudioTunables
  readonly #blockMs: number
  readonly #sink: AudioSink
  readonly #tracks = new Map<TrackKey, Track>()
  readonly #ledger = new Ledger()
  readonly #lateStarts = new LateStarts()
  readonly #gaps: GapLog
  readonly #patience: Patience
  readonly #pool: SessionPool
  readonly #detector: VoiceDetectorFactory
  #nowMs = 0
  #isFinished = false

  constructor(options: AudioPlaneOptions, sink: AudioSink) {
    this.#meetingStartMs = options.meetingStartMs
    this.#tunables = { ...AUDIO_TUNABLES, ...options.tunables }
    this.#blockMs = blockMsOf(this.#tunables)
    this.#sink = sink
    this.#gaps = new GapLog(this.#tunables.mergeGapMs, (gap) => sink.gap(gap))
    this.#patience = new Patience(this.#tunables)
    const sizing = new Sizing(options.channels ?? DEFAULT_PLAN, this.#tunables)
    this.#pool = new SessionPool(this.#tunables, sink, this.#ledger, this.#patience, sizing)
    const { voiceRms } = this.#tunables
    this.#detector = options.detector ?? (() => new EnergyDetector(voiceRms))
  }

  /**
   * The track can be heard from now on, for the first time or again.
   * @param opening since when it could have been: until its first sample it was open and not heard. Absent: since now
   */
  trackStarted(track: { readonly key: TrackKey; readonly identity: Identity }, nowMs: number, opening?: Opening): void {
    if (this.#isFinished) return
    const known = this.#tracks.get(track.key)
    const isNew = known?.isLive !== true
    this.#ledger.present(track.identity, isNew && opening ? Math.max(0, nowMs - opening.sinceMs) : 0)
    if (isNew) {
      const { sinceMs, allowedMs } = opening ?? { sinceMs: nowMs, allowedMs: Number.POSITIVE_INFINITY }
      this.#lateStarts.begin(track.key, sinceMs - this.#meetingStartMs, allowedMs)
    }
    if (!known) {
      this.#tracks.set(track.key, new Track(track, this.#detector(), this.#meetingStartMs, nowMs, this.#tunables))
      return
    }
    if (isNew) known.begun(nowMs)
    known.isLeaving = false
    known.isStalled = false
    known.clock.restart()
    this.#decideForGood(known)
    known.detector.reset()
  }

  /**
   * No more frames until it is started again.
   * @param keepSeat muted or reconnecting: the channel stays its own
   * @returns until when it has come, or is known to be missing, meeting ms
   */
  trackEnded(key: TrackKey, nowMs: number, keepSeat: boolean): number {
    const track = this.#tracks.get(key)
    if (this.#isFinished || !track) return nowMs - this.#meetingStartMs
    const untilMs = this.#ended(track, nowMs)
    track.isStalled = false
    track.isLeaving = !keepSeat
    return untilMs
  }

  /**
   * An unmuted track stopped delivering: it is not waited for, and the absence becomes a gap.
   * @param sinceMs since when what came may have been made up, monotonic ms; its last sample when absent
   */
  trackStalled(key: TrackKey, nowMs: number, sinceMs = Number.POSITIVE_INFINITY): void {
    const track = this.#tracks.get(key)
    if (this.#isFinished || !track?.isLive) return
    track.isStalled = true
    const openedMs = this.#lateStarts.take(key)
    if (openedMs !== null) track.missingSinceMs ??= openedMs
    const endMs = track.clock.endMs
    track.missingSinceMs ??= Math.min(
      Number.isNaN(endMs) ? nowMs - this.#meetingStartMs : endMs,
      Math.max(sinceMs, track.liveSinceMs) - this.#meetingStartMs,
    )
  }

  /** It delivers again; the gap ends with its next frame. */
  trackResumed(key: TrackKey, _nowMs: number): void {
    const track = this.#tracks.get(key)
    if (track) track.isStalled = false
  }

  /**
   * One frame of a started track; frames of others are dropped.
   * @param samples one block long, 16 kHz; ours
   * @throws {RangeError} another length
   */
  frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void {
    const track = this.#tracks.get(key)
    if (this.#isFinished || !track?.isLive) return
    this.#nowMs = Math.max(this.#nowMs, arrivedMs)
    track.lastArrivedMs = arrivedMs
    const facts = this.#date(track, samples, arrivedMs)
    this.#decide(track)
    if (track.queue.length === track.queue.capacity) this.#drop(track)
    track.queue.push(samples, facts)
    if (facts.kind === 'voice') {
      track.lastVoiceMs = arrivedMs
      this.#ledger.heard(track.identity, this.#blockMs)
    }
    track.counted(facts)
    if (track.isNoisy || track.isLoud) this.#ledger.noisy(track.identity)
    while (track.queue.length > track.limit) this.#drop(track)
  }

  /** Sends what is due. To be called every 20 ms or so; a late call is made up for. */
  tick(nowMs: number): void {
    if (this.#isFinished) return
    this.#nowMs = nowMs
    this.#patience.ticked(nowMs)
    this.#sweep()
    this.#pool.assign(this.#tracks.values(), nowMs)
    this.#pool.send(nowMs)
    this.#sweep()
    this.#gaps.flush(nowMs)
  }

  /** The person is gone: seats are freed when what they said has been sent. */
  personLeft(identity: Identity, nowMs: number): void {
    for (const track of this.#tracks.values()) if (track.identity === identity) this.trackEnded(track.key, nowMs, false)
  }

  /** The session died: everybody seated there moves to another at once. What it had not acknowledged is the caller's affair. */
  sessionEnded(sessionId: SessionId, nowMs: number): void {
    if (!this.#isFinished) this.#pool.ended(sessionId, nowMs)
  }

  /** Moves to a session of its own choosing when nobody is cut by it: the sink has a better one to open. */
  renew(): void {
    this.#pool.renew()
  }

  /** Nobody is going to speak until told otherwise: the session is closed as soon as nothing waits to be sent. The next voice opens another. */
  rest(isResting: boolean): void {
    this.#pool.rest(isResting)
  }

  /** Sends everything that waits, closes spans and gaps, and finishes all sessions. */
  finish(nowMs: number): void {
    if (this.#isFinished) return
    for (const track of this.#tracks.values()) {
      this.#ended(track, nowMs)
    }
    this.#pool.assign(this.#tracks.values(), nowMs)
    this.#pool.drain([...this.#tracks.values()], nowMs)
    for (const track of this.#tracks.values()) track.detector.close()
    this.#tracks.clear()
    this.#gaps.flush(Number.POSITIVE_INFINITY)
    this.#isFinished = true
  }

  /** Who speaks now, and who waits for a channel. Changes nothing. */
  activity(nowMs: number): Activity {
    return activityOf(this.#tracks.values(), nowMs, this.#tunables)
  }

  /** What became of everybody's audio so far; everybody who ever had a track, in that order. */
  coverageInput(): AudioCounters[] {
    const waitingMs = new Map<Identity, number>()
    const presentMs = new Map<Identity, number>()
    const add = (sums: Map<Identity, number>, identity: Identity, ms: number) => sums.set(identity, (sums.get(identity) ?? 0) + ms)
    for (const { identity, queue, isLive, liveSinceMs } of this.#tracks.values()) {
      add(waitingMs, identity, queue.voiced * this.#blockMs)
      if (isLive) add(presentMs, identity, Math.max(0, this.#nowMs - liveSinceMs))
    }
    return this.#ledger.counters(waitingMs, presentMs)
  }

  /** The detector's verdict on earlier blocks: those that were voice after all are counted as such where they are by now. */
  #decide(track: Track): void {
    const { detector } = track
    if (!detector.isUndecided) this.#decided(track, detector.isVoice ? detector.confirmed : 0)
  }

  /** So many of the newest undecided blocks were voice. @returns whether there were any */
  #decided(track: Track, most: number): boolean {
    const { identity } = track
    const { waiting, sent } = track.decided(most)
    const found = waiting + sent.length
    if (found === 0) return false
    this.#ledger.heard(identity, found * this.#blockMs)
    for (const { sessionId, fromFrame } of sent) {
      this.#ledger.sentVoice(identity, this.#blockMs, sessionId, fromFrame, this.#tunables.blockSamples)
    }
    return true
  }

  /** Nothing follows that could tell whether the last blocks were voice: they are taken for it, so that a word that was cut off there is not lost. */
  #decideForGood(track: Track): void {
    if (!this.#decided(track, Number.POSITIVE_INFINITY)) return
    track.hasSpoken = true
    track.lastVoiceMs = track.lastArrivedMs
  }

  #date(track: Track, samples: Int16Array, arrivedMs: number): BlockFacts {
    const { clock, detector } = track
    detector.hear(samples)
    // frames of a stalled track are made up, or the first true ones, before anybody can tell: its gap lasts until it is said to deliver
    const isBack = track.missingSinceMs !== null && !track.isStalled
    if (isBack) clock.restart()
    clock.received(samples.length, arrivedMs)
    if (isBack) this.#missed(track, clock.startMs)
    this.#late(track, this.#lateStarts.frame(track.key, clock, arrivedMs))
    if (clock.jumpMs < 0) track.queue.redate(clock.jumpMs)
    if (clock.jumpMs > 0) this.#notReceived(track, clock.startMs - clock.jumpMs, clock.startMs)
    const { rms, peak, isVoice, isUndecided } = detector
    return {
      meetingMs: clock.startMs,
      rms,
      kind: isVoice ? 'voice' : isUndecided ? 'undecided' : 'silent',
      audible: peak >= this.#tunables.audiblePeak,
      runStart: clock.anchored || clock.jumpMs > 0,
    }
  }

  /** No frame of this start follows any more. @returns until when it has come, or is known to be missing, meeting ms */
  #ended(track: Track, nowMs: number): number {
    const { clock } = track
    const atMs = nowMs - this.#meetingStartMs
    if (!track.isLive) return atMs
    this.#decideForGood(track)
    this.#late(track, this.#lateStarts.end(track.key, atMs))
    let knownMs = atMs
    // frames, of silence at least, come until the end: what did not is gone, and so is what the last ones were late by
    const stoppedMs = nowMs - track.lastArrivedMs
    if (track.missingSinceMs === null) {
      const untilMs = stoppedMs > this.#tunables.lastFrameMs ? atMs : clock.endMs + clock.missingMs
      if (track.lastArrivedMs >= track.liveSinceMs) {
        this.#notReceived(track, clock.endMs, untilMs)
        knownMs = Math.min(atMs, untilMs)
      }
    }
    this.#missed(track, atMs)
    this.#ledger.present(track.identity, nowMs - track.liveSinceMs)
    track.liveSinceMs = Number.NaN
    return knownMs
  }

  #late(track: Track, missing: Missing | null): void {
    if (missing) this.#notReceived(track, missing.fromMs, missing.toMs)
  }

  #missed(track: Track, untilMs: number): void {
    if (track.missingSinceMs === null) return
    this.#notReceived(track, track.missingSinceMs, untilMs)
    track.missingSinceMs = null
  }

  #notReceived(track: Track, fromMs: number, toMs: number): void {
    if (!(toMs > Math.max(0, fromMs))) return
    this.#sink.gap({ identity: track.identity, fromMs: Math.max(0, Math.floor(fromMs)), toMs: Math.ceil(toMs), reason: 'not_received' })
  }

  /** Lets the oldest block go; voice becomes a gap, silence is no loss. */
  #drop(track: Track): void {
    const { headMs, headKind } = track.queue
    track.queue.drop()
    if (headKind !== 'voice') return
    const reason: GapReason = track.seat === null ? 'no_channel' : 'ring_full'
    this.#gaps.lost(track, reason, headMs, headMs + this.#blockMs, this.#nowMs)
    this.#ledger.lost(track.identity, this.#blockMs)
    if (track.seat !== null || track.wantsSeat || track.wantsSinceMs === Number.POSITIVE_INFINITY) return
    // it has waited for nothing
    this.#ledger.waited(track.identity, this.#nowMs - track.wantsSinceMs)
    track.wantsSinceMs = Number.POSITIVE_INFINITY
  }

  /** Forgets tracks that are gone and have nothing left that can still be sent. */
  #sweep(): void {
    for (const track of this.#tracks.values()) {
      if (!track.isLeaving) continue
      if (track.seat === null ? track.wantsSeat : track.queue.length > 0) continue
      while (track.queue.length > 0) this.#drop(track)
      track.detector.close()
      this.#pool.release(track)
      this.#tracks.delete(track.key)
    }
  }
}
