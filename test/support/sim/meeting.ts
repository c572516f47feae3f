import { EnergyDetector } from '../../../src/live/audio/voice/energy.js'
import type { BotOptions, BotOutcome } from '../../../src/live/bot/bot.js'
import { MeetingBot } from '../../../src/live/bot/meeting-bot.js'
import { createGladiaStt } from '../../../src/live/stt/gladia/open.js'
import type { Segment } from '../../../src/live/transcript/segment.js'
import { silentLogger, type Logger } from '../../../src/observe/logger.js'
import type { MeetingRecord } from '../../../src/records/port.js'
import { BOT_OPTIONS } from '../bot-rig.js'
import { seeded } from '../marks-audio.js'
import { SimProcess, SimTime } from './clock.js'
import { SimRoom } from './room.js'
import { SimSpeech } from './speech.js'
import { SimDisk, SimStoreFaults, storeOf, tenureOf } from './store.js'
import { judgeMeeting, type SimRemains, type SimVerdict } from './verdict.js'
import { WatchedStore } from './watched-store.js'
import { requestFor } from '../records.js'

/** What can be switched when a seed is looked into. */
export interface SimOptions {
  /** kinds of fault that do not happen */
  readonly without?: readonly FaultKind[]
  readonly logger?: Logger
  /** a third of the tracks that are opened take up to 4 s to be subscribed to */
  readonly lateStarts?: boolean
  /** told of each fault */
  readonly onFault?: (atMs: number, kind: FaultKind) => void
  /** told of what the meeting left, before it is judged */
  readonly onRemains?: (remains: SimRemains) => void
}

/** Kinds of fault. */
export const FAULTS = [
  'cut_kept',
  'cut_lost',
  'speech_down',
  'post_fails',
  'session_dies',
  'blackhole',
  'babble',
  'room_reconnect',
  'room_drop',
  'burst',
  'frames_lost',
  'store_away',
  'store_slow',
  'disk_full',
  'kill',
  'freeze',
  'clock_jump',
] as const
export type FaultKind = (typeof FAULTS)[number]

const NAMES = ['ada', 'ben', 'cy', 'dee', 'eve', 'fay', 'gus', 'hal']
const START_MS = 1_700_000_000_000
/** nothing of a meeting may take longer after its end was asked for */
const END_WITHIN_MS = 300_000

interface Running {
  readonly process: SimProcess
  outcome: BotOutcome | null
  /** nothing more is tried */
  isDone: boolean
  error: unknown
  readonly told: Segment[]
}

/** One meeting of the live plane in simulated time, with faults; the same seed gives the same meeting. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimVerdict> {
  const random = seeded(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const between = (from: number, to: number) => from + (to - from) * random()
  const time = new SimTime([10, 20, 50, 50][below(4)]!, START_MS)
  const people = NAMES.slice(0, 2 + below(6))
  const lengthMs = between(6_000, 30_000)
  // of a chance of its own: without it a seed is the meeting that it always was
  const late = seeded(seed + 1_000_003)
  const lateMs = () => (options.lateStarts === true && late() < 0.3 ? 200 + 3_800 * late() : 0)
  const room = new SimRoom(time, random, people, between(0.5, 3), lateMs)
  const speech = new SimSpeech(time, random, {
    latencyMs: between(1, 60),
    finalMs: between(50, 1_500),
    inclusiveEnds: random() < 0.3,
    acksOf: random() < 0.3 ? 3 : 1,
    answersEmpty: random() < 0.7,
    repeatsFinals: random() < 0.3,
    idsInResult: random() < 0.6,
    keepsResults: random() < 0.9,
  })
  const store = new WatchedStore(time)
  const faults = new SimStoreFaults()
  // who takes a meeting over may be on another host, and not see what the one before has logged
  const disks = Array.from({ length: seed % 4 === 1 ? 2 : 1 }, () => new SimDisk(time))
  const botOptions: BotOptions = {
    ...BOT_OPTIONS,
    policy: { joinForMs: 20_000, rejoinForMs: 60_000, aloneMs: 5_000, nobodyMs: 60_000, tooLongMs: 3_600_000 },
    captions: false,
    channels: { max: 1 + below(4), mode: 'fixed' },
    idleCloseMs: random() < 0.2 ? 3_000 : 300_000,
    drainMs: 20_000,
  }
  const { meeting } = await store.create(requestFor('r', { language: 'en' }))
  const runs: Running[] = []
  const logger = options.logger ?? silentLogger

  const launch = async (): Promise<void> => {
    const process = new SimProcess(time)
    const running: Running = { process, outcome: null, isDone: false, error: null, told: [] }
    const disk = disks[runs.length % disks.length]!
    runs.push(running)
    const reached = storeOf(process, store, time, faults)
    const attempt = async (): Promise<void> => {
      const now: MeetingRecord = await reached.meeting(meeting.id)
      if (now.state === 'finalising' || now.state === 'failed') return
      const claim = await reached.claim(meeting.id)
      // the real claims look and take in one step
      if ((await store.meeting(meeting.id)).state === 'finalising') return
      const bot = new MeetingBot(
        {
          room: room.port(process),
          stt: createGladiaStt({
            baseUrl: 'http://sim',
            apiKey: 'key',
            region: null,
            clock: process,
            random,
            logger,
            transport: speech.transport(process),
          }),
          store: reached,
          finals: disk.finals(process),
          clock: process,
          logger,
          random,
          detector: () => new EnergyDetector(200),
        },
        botOptions,
        now,
        claim,
        { segment: (segment) => running.told.push(segment) },
        tenureOf(store, claim, time, now.startedAt),
      )
      running.outcome = await bot.run(new AbortController().signal)
    }
    // a job that failed is tried again
    for (let tries = 0; tries < 30; tries++) {
      try {
        await attempt()
        break
      } catch (thrown) {
        running.error = thrown
        await process.sleep(1_000)
      }
    }
    running.isDone = true
  }

  let launching = 0
  const replace = (afterMs: number) => {
    launching++
    time.after(afterMs, () => {
      launching--
      void launch()
    })
  }
  const current = () => runs.at(-1)
  const begin: Record<FaultKind, () => void> = {
    cut_kept: () => speech.cut(true),
    cut_lost: () => speech.cut(false),
    speech_down: () => {
      speech.downUntilMs = time.nowMs + between(200, 12_000)
      speech.cut(random() < 0.5)
    },
    post_fails: () => {
      speech.postFailure = { status: [429, 500, 503, 408][below(4)]!, untilMs: time.nowMs + between(200, 8_000) }
    },
    session_dies: () => speech.killSessions(),
    blackhole: () => {
      speech.blackholeUntilMs = time.nowMs + between(500, 12_000)
    },
    babble: () => speech.babble(),
    room_reconnect: () => room.reconnect(between(200, 5_000)),
    room_drop: () => room.drop(between(100, 6_000)),
    burst: () => {
      room.burstUntilMs = time.nowMs + between(100, 1_500)
    },
    frames_lost: () => {
      room.loseFrames(between(100, 5_000))
    },
    store_away: () => {
      faults.awayUntilMs = time.nowMs + between(100, 10_000)
    },
    store_slow: () => {
      faults.slowUntilMs = time.nowMs + between(100, 10_000)
      faults.slowMs = between(50, 2_000)
    },
    disk_full: () => {
      const untilMs = time.nowMs + between(100, 10_000)
      for (const disk of disks) disk.fullUntilMs = untilMs
    },
    kill: () => {
      const victim = current()
      if (!victim || victim.outcome !== null || victim.process.state !== 'running') return
      victim.process.kill()
      speech.lost(victim.process)
      room.lost(victim.process)
      replace(between(2_000, 9_000))
    },
    freeze: () => {
      const victim = current()
      if (!victim || victim.outcome !== null || victim.process.state !== 'running') return
      victim.process.stop()
      replace(between(5_000, 8_000))
      time.after(between(1_000, 15_000), () => victim.process.continue())
    },
    clock_jump: () => {
      for (const { process } of runs) process.skewMs += (random() < 0.5 ? -1 : 1) * 3_600_000
    },
  }
  const plan = Array.from({ length: below(6) }, () => ({ atMs: between(300, lengthMs), kind: FAULTS[below(FAULTS.length)]! }))
  for (const { atMs, kind } of plan) {
    if (options.without?.includes(kind)) continue
    time.after(atMs, () => {
      options.onFault?.(time.elapsedMs, kind)
      begin[kind]()
    })
  }
  for (const name of people) {
    time.after(random() < 0.7 ? 200 * random() : between(0, lengthMs / 2), () => room.join(name))
    for (let turn = below(3); turn > 0; turn--) {
      const atMs = between(1_000, lengthMs)
      const kind = below(3)
      if (kind === 0) {
        time.after(atMs, () => room.mute(name, true))
        time.after(atMs + between(20, 4_000), () => room.mute(name, false))
      } else if (kind === 1) {
        time.after(atMs, () => room.leave(name))
        time.after(atMs + between(20, 4_000), () => room.join(name))
      } else {
        time.after(atMs, () => room.mute(name, true))
        time.after(atMs + 10, () => room.mute(name, false))
      }
    }
  }
  let isPastEnd = false
  time.after(lengthMs, () => {
    isPastEnd = true
    room.stop()
    void store.requestStop(meeting.id)
  })
  room.start()
  void launch()
  // the stop ends the meeting of whoever has it: a frozen process may have to be replaced first
  const isOver = () =>
    isPastEnd && launching === 0 && runs.every(({ process, isDone }) => process.state === 'dead' || (process.state === 'running' && isDone))
  const isEnded = await time.runUntil(isOver, lengthMs + END_WITHIN_MS)
  const remains: SimRemains = {
    seed,
    people: people.length,
    room,
    speech,
    store,
    disks,
    meetingId: meeting.id,
    runs,
    isEnded,
    stopMs: lengthMs,
    plan: plan.map(({ kind }) => kind),
  }
  options.onRemains?.(remains)
  return judgeMeeting(remains)
}
