import type { SimProcesses } from './processes.js'
import type { SimWorld, WorldKind } from './world.js'

/** Kinds of fault of both worlds. */
const BOTH = [
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

/** Kinds of fault of the whole world: SIGTERM, a service that is away for minutes, and one that refuses (401, 402). */
const WHOLE = ['term', 'long_down', 'refuse'] as const

/** as well, in the place of every second `babble`: the store answers nobody for a while, and then everybody */
const STANDS = 'store_stands'

export type FaultKind = (typeof BOTH)[number] | (typeof WHOLE)[number] | typeof STANDS

/** What a plan is drawn from: what ends processes is what the whole world is about. */
const DRAWN: Readonly<Record<WorldKind, readonly FaultKind[]>> = {
  bare: BOTH,
  whole: [...BOTH, 'kill', ...WHOLE, 'term', 'term', 'term'],
}

/** A fault, and when it begins, simulated ms. */
export interface PlannedFault {
  readonly atMs: number
  readonly kind: FaultKind
}

/** Up to five faults. */
export function planOf({ kind, chance, lengthMs }: SimWorld): PlannedFault[] {
  const { below, between, other } = chance
  const kinds = DRAWN[kind]
  const drawn = Array.from({ length: below(6) }, () => ({ atMs: between(300, lengthMs), kind: kinds[below(kinds.length)]! }))
  if (kind === 'bare') return drawn
  return drawn.map((fault) => (fault.kind === 'babble' && other() < 0.5 ? { ...fault, kind: STANDS } : fault))
}

/** How each fault begins. */
export function faultsOf(world: SimWorld, processes: SimProcesses): Readonly<Record<FaultKind, () => void>> {
  const { time, room, speech, faults, disks, spooled, chance } = world
  const { random, below, between } = chance
  return {
    cut_kept: () => speech.cut(true),
    cut_lost: () => speech.cut(false),
    speech_down: () => {
      speech.downUntilMs = time.nowMs + between(200, 12_000)
      speech.cut(random() < 0.5)
    },
    long_down: () => {
      speech.downUntilMs = time.nowMs + between(5_000, 150_000)
      speech.cut(random() < 0.5)
    },
    post_fails: () => {
      speech.postFailure = { status: [429, 500, 503, 408][below(4)]!, untilMs: time.nowMs + between(200, 8_000) }
    },
    refuse: () => {
      speech.postFailure = { status: [401, 402][below(2)]!, untilMs: time.nowMs + between(2_000, 60_000) }
      speech.killSessions()
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
      faults.slowestMs = Math.max(faults.slowestMs, faults.slowMs)
    },
    store_stands: () => {
      faults.standsUntilMs = time.nowMs + between(1_000, 30_000)
    },
    disk_full: () => {
      const untilMs = time.nowMs + between(100, 10_000)
      for (const disk of disks) disk.fullUntilMs = untilMs
      for (const { faults: audio } of spooled.disks) {
        audio.fullUntilMs = untilMs
        // of a disk that was full there is much to do
        audio.slowUntilMs = untilMs + 3_000
      }
    },
    kill: () => {
      const { victim } = processes
      if (!victim) return
      victim.process.kill()
      speech.lost(victim.process)
      room.lost(victim.process)
      processes.replace(between(2_000, 9_000))
    },
    freeze: () => {
      const { victim } = processes
      if (!victim) return
      victim.process.stop()
      processes.replace(between(5_000, 8_000))
      time.after(between(1_000, 15_000), () => victim.process.continue())
    },
    term: () => {
      const { victim } = processes
      if (!victim) return
      if (random() < 0.3) {
        victim.leave?.('stop')
        processes.replace(between(200, 3_000))
        return
      }
      victim.leave?.('handover')
      processes.replace(random() < 0.7 ? between(50, 2_000) : between(2_000, 12_000))
      // its deadline is over
      if (random() < 0.4) time.after(between(300, 15_000), () => victim.process.receive(() => victim.leave?.('stop')))
    },
    clock_jump: () => {
      for (const { process } of processes.runs) process.skewMs += (random() < 0.5 ? -1 : 1) * 3_600_000
    },
  }
}
