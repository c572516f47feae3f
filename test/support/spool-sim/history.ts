import type { Holding, SimProcess } from './holding.js'
import { World } from './world.js'

/** What became of one random history. */
export interface HistoryVerdict {
  readonly seed: number
  readonly violations: readonly string[]
  readonly steps: number
  readonly takeOvers: number
}

type Act = (world: World) => unknown

const held = (act: (world: World, holding: Holding) => unknown, has: 'buffer' | 'backlog' | 'any' = 'any'): Act => {
  return (world) => {
    const holding = world.pick(world.holdings.filter((one) => has === 'any' || one[has] !== null))
    return holding && act(world, holding)
  }
}
const by = (act: (world: World, process: SimProcess) => unknown): Act => {
  return (world) => {
    const process = world.pick(world.running)
    return process && act(world, process)
  }
}

/** how often each is chosen */
const ACTS: readonly (readonly [number, Act])[] = [
  [40, held((world, one) => world.push(one), 'buffer')],
  [16, held((world, one) => world.read(one), 'buffer')],
  [6, by((world, one) => world.open(one))],
  [2, held((world, one) => world.reconnect(one), 'buffer')],
  [4, held((world, one) => world.endSession(one), 'buffer')],
  [8, held((world, one) => world.goOn(one), 'backlog')],
  [6, held((world, one) => world.post(one), 'buffer')],
  [3, held((world, one) => world.skip(one), 'backlog')],
  [5, held((world, one) => world.leave(one))],
  [1, held((world, one) => world.discard(one))],
  [12, by((world, one) => !one.isElsewhere && world.take(one, world.below(2), world.random() < 0.6))],
  [2, by((world, one) => world.sweep(one))],
  [2, by((world, one) => world.kill(one))],
  [3, (world) => killWriter(world)],
  [6, held((world, one) => carryOn(world, one), 'backlog')],
  [2, by((world, one) => world.stop(one))],
  [3, (world) => wakeOne(world)],
  [4, (world) => world.running.length < 4 && world.start(undefined, world.random() < 0.15)],
  [1, (world) => blow(world)],
  [4, (world) => world.setWeather(null)],
  [8, (world) => world.clock.stall(300 + world.below(1500))],
  [0.15, (world) => !world.processes.some((one) => world.steps.waitsFor(one)) && world.clock.stall(25 * 3600_000)],
]
const WEIGHT = ACTS.reduce((sum, [weight]) => sum + weight, 0)

/** One history of some processes on one disk, to its end: what they leave is read by another one. */
export async function history(seed: number): Promise<HistoryVerdict> {
  const world = new World(seed)
  world.start()
  const acts = 40 + world.below(120)
  for (let at = 0; at < acts && world.oracle.violations.length === 0; at++) {
    if (world.running.length === 0) world.start()
    let chosen = world.random() * WEIGHT
    const act = ACTS.find(([weight]) => (chosen -= weight) < 0)?.[1]
    void act?.(world)
    await world.run(world.random() < 0.1 ? Infinity : world.below(12))
    if (world.random() < 0.2) world.audit()
  }
  if (world.oracle.violations.length === 0) await end(world)
  const { violations, holdings } = world.oracle
  return { seed, violations, steps: world.steps.count, takeOvers: holdings.size }
}

function wakeOne(world: World): void {
  const asleep = world.pick(world.processes.filter(({ isStopped, isDead }) => isStopped && !isDead))
  if (asleep) world.wake(asleep)
}

/** In the midst of a disk call, which may be a write. */
function killWriter(world: World): void {
  const busy = world.pick(world.running.filter((process) => world.steps.waitsFor(process)))
  if (busy) world.kill(busy)
}

/** A session goes on with it, and is spoken to. */
function carryOn(world: World, holding: Holding): void {
  world.goOn(holding)
  world.post(holding)
  for (let at = world.below(12); at > 0; at--) world.push(holding)
}

function blow(world: World): void {
  const code = world.pick(['ENOSPC', 'EROFS', 'EMFILE'] as const)!
  const actor = code === 'EMFILE' ? (world.pick(world.running) ?? null) : null
  world.setWeather({ code, share: world.random() < 0.5 ? 1 : 0.3, actor })
}

async function end(world: World): Promise<void> {
  if (world.random() < 0.8) world.setWeather(null)
  for (const process of world.processes) {
    if (process.isDead) continue
    if (world.random() < 0.4) {
      world.kill(process)
      continue
    }
    if (process.isStopped) world.wake(process)
    await world.run()
    await finish(world, process)
  }
  world.setWeather(null)
  await readAll(world)
}

/** Ends as a process does that is asked to: what it has stays there. */
async function finish(world: World, process: SimProcess): Promise<void> {
  const { spool, holdings, name } = process
  const left = [...holdings].filter(({ isEnding }) => !isEnding).map((holding) => world.leave(holding))
  await world.run()
  await Promise.all(left)
  await world.run()
  world.audit()
  if (spool.usedBytes !== 0) world.oracle.blame(`S5 ${name} counts bytes at its end`)
  if (holdings.size > 0 || process.calls > 0 || world.steps.waitsFor(process)) world.oracle.blame(`S5 ${name} does not end`)
  await spool.close()
  if (world.clock.pending > 0) world.oracle.blame(`S5 ${name} leaves a timer`)
  world.kill(process)
}

/** Another process looks at what lies there, until nothing does. */
async function readAll(world: World): Promise<void> {
  const reader = world.start(1e9)
  for (const meeting of [0, 1]) {
    for (let isMore = true; isMore;) {
      const taking = world.take(reader, meeting, true)
      await world.run()
      const taken = await taking
      isMore = taken.length > 0
      for (const holding of taken) await readOne(world, holding)
    }
  }
  world.oracle.end()
  if (reader.spool.usedBytes !== 0) world.oracle.blame('S5 the reader counts bytes at its end')
}

async function readOne(world: World, holding: Holding): Promise<void> {
  world.goOn(holding)
  const { buffer } = holding
  if (!buffer) return
  for (let at = 0, waits = 0; ;) {
    const run = buffer.run(at)
    if (!run) break
    const samples = buffer.read(run.fromFrame, Math.min(500, run.toFrame - run.fromFrame))
    if (!samples) {
      if (++waits > 50) {
        world.oracle.blame('S1 the disk never gives it back')
        break
      }
      await world.run()
      world.clock.stall(300)
      continue
    }
    if (samples.length === 0) {
      world.oracle.blame('S3 a run is longer than what is there of it')
      break
    }
    world.oracle.read(holding, at, run.fromFrame, samples, true)
    at = run.fromFrame + samples.length / 2
  }
  const discarding = buffer.clear()
  holding.process.holdings.delete(holding)
  holding.buffer = null
  await world.run()
  await discarding
}
