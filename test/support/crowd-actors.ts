import { systemClock } from '../../src/core/time.js'
import type { ActorOrder } from '../../src/standins/actors/actor-order.js'
import type { Script } from '../../src/standins/actors/script.js'
import type { PlayEvent, PlayHealth } from '../../src/standins/actors/play-event.js'
import { spawnActors } from '../../src/standins/actors/spawn.js'

/** One process carries so many with room to spare; two are steadier above. */
const PEOPLE_A_PROCESS = 30
/** from the call of `go` to T0 */
const START_MS = 500

/** People of one script in as many processes as keep their time, on one clock. */
export interface CrowdActors {
  /** everybody of the opening is in the room */
  readonly ready: Promise<void>
  /** everything that happened so far, of each person in order */
  readonly events: readonly PlayEvent[]
  /** Sets T0. @returns it, monotonic ms */
  go(): number
  /** the script was played to its end and everybody has left; the worst of all processes */
  readonly ended: Promise<PlayHealth>
  /** the worst of all processes once everybody has left, also before the end of the script; undefined when one of them cannot say */
  health(): PlayHealth | undefined
  [Symbol.asyncDispose](): Promise<void>
}

/** Sends the people of a script into a room, held until `go`. @param order its script has a length, so that nobody leaves early */
export function spawnCrowd(order: Omit<ActorOrder, 'isHeld'>): CrowdActors {
  const { script } = order
  const count = Math.ceil(script.cast.length / PEOPLE_A_PROCESS)
  const events: PlayEvent[] = []
  const parts = Array.from({ length: count }, (_, at): Script => {
    const cast = script.cast.filter(({ who }) => who % count === at)
    const own = new Set(cast.map(({ identity }) => identity))
    return { ...script, cast, steps: script.steps.filter(({ actor }) => own.has(actor)) }
  })
  const all = parts.map((part) =>
    spawnActors({ clock: systemClock, order: { ...order, script: part, isHeld: true }, onEvent: (event) => events.push(event) }),
  )
  const ended = Promise.all(all.map((one) => one.ended)).then((healths) => healths.reduce(worse))
  const ready = Promise.all(all.map((one) => one.ready)).then(() => undefined)
  for (const one of [ready, ended]) Promise.resolve(one).catch(() => undefined)
  return {
    ready,
    events,
    go: () => {
      const t0Ms = systemClock.monotonicMs() + START_MS
      for (const one of all) one.go(t0Ms)
      return t0Ms
    },
    ended,
    health: () => {
      const healths = events.flatMap((event) => (event.kind === 'ended' ? [event.health] : []))
      return healths.length === count ? healths.reduce(worse) : undefined
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((one) => one.stop()))
    },
  }
}

const worse = (one: PlayHealth, other: PlayHealth): PlayHealth => ({
  worstLatenessMs: Math.max(one.worstLatenessMs, other.worstLatenessMs),
  worstUnderrunMs: Math.max(one.worstUnderrunMs, other.worstUnderrunMs),
  worstLoopDelayMs: Math.max(one.worstLoopDelayMs, other.worstLoopDelayMs),
  skippedMarks: one.skippedMarks + other.skippedMarks,
  failures: one.failures + other.failures,
})
