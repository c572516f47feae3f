import type { MeetingId } from '../../../src/core/ids.js'
import type { BotOptions } from '../../../src/live/bot/bot.js'
import type { Logger } from '../../../src/observe/logger.js'
import { BOT_OPTIONS } from '../bot-rig.js'
import { seeded } from '../marks-audio.js'
import { requestFor } from '../records.js'
import { SimTime } from './clock.js'
import { SimRoom } from './room.js'
import { SimSpeech } from './speech.js'
import { SpooledSpeech } from './speech-of.js'
import { SimDisk, SimStoreFaults } from './store.js'
import { WatchedStore } from './watched-store.js'

/**
 * What runs the bots. `bare`: nothing but the bot; claims are taken from whoever has them, audio is kept in memory. `whole`: attendances with
 * their claims and signs of life, which give meetings away, and the spool on the disks of hosts. A seed is another meeting in each.
 */
export type WorldKind = 'bare' | 'whole'

/** The world of a seed when none is asked for: every second four of them, since one of four is on two hosts, are in the whole one. */
export const worldOfSeed = (seed: number): WorldKind => (Math.floor(seed / 4) % 2 === 0 ? 'bare' : 'whole')

const NAMES = ['ada', 'ben', 'cy', 'dee', 'eve', 'fay', 'gus', 'hal']
const START_MS = 1_700_000_000_000

/** Chance as one seed gives it. */
export interface Chance {
  /** in [0, 1) */
  readonly random: () => number
  readonly below: (bound: number) => number
  readonly between: (from: number, to: number) => number
  /** in [0, 1), of its own: what asks this one changes nothing that asks the others */
  readonly other: () => number
}

/** Everything around the processes of one meeting. */
export interface SimWorld {
  readonly kind: WorldKind
  readonly chance: Chance
  readonly time: SimTime
  readonly people: readonly string[]
  /** of the meeting, until its end is asked for */
  readonly lengthMs: number
  readonly room: SimRoom
  readonly speech: SimSpeech
  readonly store: WatchedStore
  readonly faults: SimStoreFaults
  /** logs of finals, a host each */
  readonly disks: readonly SimDisk[]
  /** audio on the same hosts; in the bare world nobody uses it */
  readonly spooled: SpooledSpeech
  readonly botOptions: BotOptions
  readonly meetingId: MeetingId
  readonly logger: Logger
}

/** The world of a seed. The order in which chance is asked makes the meeting: what is new asks a chance of its own. */
export async function worldOf(seed: number, kind: WorldKind, logger: Logger, lateStarts: boolean): Promise<SimWorld> {
  const random = seeded(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const between = (from: number, to: number) => from + (to - from) * random()
  const time = new SimTime([10, 20, 50, 50][below(4)]!, START_MS)
  const people = NAMES.slice(0, 2 + below(6))
  const lengthMs = between(6_000, 30_000)
  const late = seeded(seed + 1_000_003)
  const lateMs = () => (lateStarts && late() < 0.3 ? 200 + 3_800 * late() : 0)
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
  // who takes a meeting over may be on another host, and not see what the one before has logged
  const hosts = seed % 4 === 1 ? 2 : 1
  const botOptions: BotOptions = {
    ...BOT_OPTIONS,
    policy: { joinForMs: 20_000, rejoinForMs: 60_000, aloneMs: 5_000, nobodyMs: 60_000, tooLongMs: 3_600_000 },
    captions: false,
    channels: { max: 1 + below(4), mode: 'fixed' },
    idleCloseMs: random() < 0.2 ? 3_000 : 300_000,
    drainMs: 20_000,
  }
  const { meeting } = await store.create(requestFor('r', { language: 'en' }))
  const other = seeded(seed + 2_000_003)
  const hasFallback = other() < 0.3
  return {
    kind,
    chance: { random, below, between, other },
    time,
    people,
    lengthMs,
    room,
    speech,
    store,
    faults: new SimStoreFaults(),
    disks: Array.from({ length: hosts }, () => new SimDisk(time)),
    spooled: new SpooledSpeech(hosts, hasFallback, { time, speech, random, logger }),
    botOptions,
    meetingId: meeting.id,
    logger,
  }
}
