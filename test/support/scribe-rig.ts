import { asIdentity, newMeetingId, trackKey, type Identity, type TrackKey } from '../../src/core/ids.js'
import { Scope } from '../../src/core/scope.js'
import type { ChannelPlan } from '../../src/live/audio/lease/sizing.js'
import type { Activity } from '../../src/live/audio/activity.js'
import type { Gap } from '../../src/live/audio/span.js'
import { EnergyDetector } from '../../src/live/audio/voice/energy.js'
import { Scribe } from '../../src/live/bot/scribe.js'
import type { SttPort } from '../../src/live/stt/port.js'
import type { Coverage } from '../../src/live/transcript/coverage.js'
import type { SessionRecord } from '../../src/records/port.js'
import { createEvents, type BusinessEvents } from '../../src/observe/events.js'
import { silentLogger, type Logger } from '../../src/observe/logger.js'
import type { FakeStt, FakeSttSession } from './fake-stt.js'
import { ManualClock } from './manual-clock.js'

/** samples of a block, as the room delivers them */
export const BLOCK = 800
const BLOCK_MS = 50
const MAGIC = 12_345

/** 50 ms of loud sound that says which block it is: found again wherever it ends up. */
export function markedBlock(id: number): Int16Array {
  const block = Int16Array.from({ length: BLOCK }, (_, at) => (at % 40 < 20 ? 3000 : -3000))
  block.set([MAGIC, id >> 10, id & 1023])
  return block
}

/** Audio as it arrived at a speech service: interleaved, and which frames of it were understood. */
export interface Arrived {
  readonly pcm: Int16Array
  readonly channels: number
  readonly isUnderstood: (frame: number) => boolean
}

/** What fake sessions were given and confirmed, but for the frames that the test took away. */
export function arrivedAt(
  sessions: readonly FakeSttSession[],
  lost: ReadonlyMap<FakeSttSession, readonly { readonly fromFrame: number; readonly toFrame: number }[]> = new Map(),
): Arrived[] {
  return sessions.map((session) => {
    const understood = Array.from({ length: session.sentFrames }, (_, frame) => frame < session.acknowledgedFrames)
    for (const { fromFrame, toFrame } of lost.get(session) ?? []) understood.fill(false, fromFrame, toFrame)
    return { pcm: session.pcm(), channels: session.channels, isUnderstood: (frame) => understood[frame] === true }
  })
}

/** Lets the immediate of a tick run and no more: a meeting has thousands of ticks. */
class QuickClock extends ManualClock {
  override settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}

/** How the scribe of a rig is made. */
export interface RigOptions {
  readonly channels?: ChannelPlan
  readonly business?: BusinessEvents
  readonly drainMs?: number
  readonly logger?: Logger
}

/**
 * A scribe on a clock that moves when told, and a count of its own of what was spoken and what the speech service got: by the
 * samples that arrived there, not by anything that the scribe says.
 */
export class ScribeRig {
  readonly clock = new QuickClock(1_700_000_000_000)
  readonly failures: string[] = []
  readonly faults: unknown[] = []
  readonly told: Gap[] = []
  /** each version of each session's record */
  readonly records: SessionRecord[] = []
  /** how many gaps had been told when each version came */
  readonly gapsBefore: number[] = []
  /** who was told to speak and to wait, change by change */
  readonly activity: Activity[] = []
  readonly scribe: Scribe
  readonly scope = new Scope((_, error) => this.faults.push(error))
  /** ids of the loud blocks of each person, in order */
  readonly spoken = new Map<Identity, number[]>()
  #next = 1

  constructor(stt: SttPort, options: RigOptions = {}) {
    const { channels = { max: 4, mode: 'fixed' }, business = createEvents(null), drainMs = 5000, logger = silentLogger } = options
    const { clock } = this
    this.scribe = new Scribe(
      {
        meetingId: newMeetingId(),
        stt,
        clock,
        logger,
        business,
        scope: this.scope,
        journal: {
          segments: () => undefined,
          span: () => undefined,
          session: (record) => {
            this.records.push(record)
            this.gapsBefore.push(this.told.length)
          },
          gap: (gap) => this.told.push(gap),
        },
        meetingStartMs: clock.monotonicMs(),
        drainMs,
        audio: { detector: () => new EnergyDetector(200), channels },
        hints: () => ({ language: null, vocabulary: [] }),
        onFault: (fault) => this.faults.push(fault),
      },
      {
        interim: () => undefined,
        activity: (activity) => this.activity.push(activity),
        failed: (reason) => this.failures.push(reason),
      },
    )
  }

  join(name: string): TrackKey {
    const identity = asIdentity(name)
    const key = trackKey(identity, 'microphone')
    this.scribe.trackStarted(key, identity)
    return key
  }

  /**
   * One block of time: everybody named speaks or is silent.
   * @param speaking true: a marked block; false: silence; absent: nothing comes
   */
  async block(speaking: ReadonlyMap<string, boolean>): Promise<void> {
    await this.clock.advance(BLOCK_MS)
    for (const [name, isLoud] of speaking) this.#frame(name, isLoud)
  }

  /** These people speak, or are silent, for so long; nobody else delivers. */
  async talk(names: readonly string[], ms: number, isLoud = true): Promise<void> {
    const all = new Map(names.map((name) => [name, isLoud]))
    for (let at = 0; at < ms; at += BLOCK_MS) await this.block(all)
  }

  /**
   * The process stands still for so long while people speak: what the room delivered meanwhile comes at once after it, each person's
   * frames in order, before the mixer asks for them (B6).
   */
  async stall(names: readonly string[], ms: number): Promise<void> {
    this.clock.stall(ms)
    for (const name of names) for (let at = 0; at < ms; at += BLOCK_MS) this.#frame(name, true)
    await this.clock.settle()
  }

  /** Ends the meeting as a bot does, and gives the receipt. @throws what went wrong inside */
  async finish(): Promise<Coverage> {
    await this.scribe.finish()
    await this.scribe.close()
    await this.scope.close()
    if (this.faults.length > 0) throw this.faults[0]
    return this.scribe.coverage(new Map())
  }

  /** Loud ms of each person, and how many of them arrived nowhere: the truth that the receipt has to tell. */
  truth(arrived: readonly Arrived[]): Map<Identity, { speechMs: number; lostMs: number }> {
    const got = new Map<number, boolean[]>()
    for (const { pcm, channels, isUnderstood } of arrived) {
      for (let at = 0; at + 2 * channels < pcm.length; at++) {
        if (pcm[at] !== MAGIC) continue
        const frame = Math.floor(at / channels)
        const id = (pcm[at + channels] ?? 0) * 1024 + (pcm[at + 2 * channels] ?? 0)
        const there = Math.min(BLOCK, Math.floor(pcm.length / channels) - frame)
        const samples = got.get(id) ?? Array.from({ length: BLOCK }, () => false)
        for (let offset = 0; offset < there; offset++) samples[offset] ||= isUnderstood(frame + offset)
        got.set(id, samples)
      }
    }
    return new Map(
      [...this.spoken].map(([identity, ids]) => {
        const lost = ids.reduce((sum, id) => sum + BLOCK - (got.get(id)?.filter(Boolean).length ?? 0), 0)
        return [identity, { speechMs: ids.length * BLOCK_MS, lostMs: Math.ceil(lost / 16) }]
      }),
    )
  }

  #frame(name: string, isLoud: boolean): void {
    const identity = asIdentity(name)
    const key = trackKey(identity, 'microphone')
    if (!isLoud) return this.scribe.frame(key, new Int16Array(BLOCK), this.clock.monotonicMs())
    const id = this.#next++
    const ids = this.spoken.get(identity)
    if (ids) ids.push(id)
    else this.spoken.set(identity, [id])
    this.scribe.frame(key, markedBlock(id), this.clock.monotonicMs())
  }
}

/** ann's session is lost with a second that it had not acknowledged. The service has taken the one that goes on live; the one that repeats the second it has not yet. */
export async function loseSession(rig: ScribeRig, stt: FakeStt): Promise<void> {
  rig.join('ann')
  await rig.talk(['ann'], 1000)
  stt.last.autoAcknowledge = false
  await rig.talk(['ann'], 1000)
  stt.prepare = (session) => Object.assign(session, { isTaken: session.options.backlog === undefined })
  stt.last.end('session_lost')
}
