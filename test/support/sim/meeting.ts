import { silentLogger, type Logger } from '../../../src/observe/logger.js'
import { faultsOf, planOf, type FaultKind } from './faults.js'
import { startNext } from './next-start.js'
import { SimProcesses } from './processes.js'
import { judgeMeeting, type SimRemains, type SimVerdict } from './verdict.js'
import { worldOf, worldOfSeed, type SimWorld, type WorldKind } from './world.js'

/** What can be switched when a seed is looked into. */
export interface SimOptions {
  /** that of the seed unless said otherwise */
  readonly world?: WorldKind
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

/** nothing of a meeting may take longer after its end was asked for; in the whole world the service may be away for 150 s of it */
const END_WITHIN_MS: Readonly<Record<WorldKind, number>> = { bare: 300_000, whole: 900_000 }

/** One meeting of the live plane in simulated time, with faults; the same seed gives the same meeting. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimVerdict> {
  const { world: kind = worldOfSeed(seed), logger = silentLogger, lateStarts = false, without = [] } = options
  const world = await worldOf(seed, kind, logger, lateStarts)
  const { time, room, store, lengthMs, meetingId } = world
  const processes = new SimProcesses(world)
  const begin = faultsOf(world, processes)
  const plan = planOf(world)
  for (const fault of plan) {
    if (without.includes(fault.kind)) continue
    time.after(fault.atMs, () => {
      options.onFault?.(time.elapsedMs, fault.kind)
      begin[fault.kind]()
    })
  }
  planPeople(world)
  let isPastEnd = false
  time.after(lengthMs, () => {
    isPastEnd = true
    room.stop()
    void store.requestStop(meetingId)
  })
  room.start()
  processes.launch()
  // the stop ends the meeting of whoever has it: a frozen process may have to be replaced first
  const isEnded = await time.runUntil(() => isPastEnd && processes.areDone, lengthMs + END_WITHIN_MS[kind])
  const timers = processes.runs.map(({ process, hasRun }) => (process.state === 'running' && hasRun ? process.timers.size : 0))
  const wrongAfter = kind === 'whole' && isEnded ? await startNext(world, processes) : []
  const remains: SimRemains = {
    seed,
    world,
    runs: processes.runs,
    isEnded,
    timers,
    wrongAfter,
    plan: plan.map((fault) => fault.kind),
  }
  options.onRemains?.(remains)
  return judgeMeeting(remains)
}

/** When people come, go, are silent, and mute themselves. */
function planPeople({ time, room, people, lengthMs, chance }: SimWorld): void {
  const { random, below, between } = chance
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
}
