import { expect } from 'vitest'
import type { SimTotals } from './many.js'
import { simulate } from './meeting.js'
import type { WorldKind } from './world.js'

/** `SIM_FROM=4711 SIM_COUNT=1` replays one seed, in each world. */
export const FROM = Number(process.env['SIM_FROM'] ?? 1)
export const COUNT = Number(process.env['SIM_COUNT'] ?? 500)

/** No invariant is broken, and the meetings are no formality: faults cost some of them something, and most nothing. */
export function expectSound(totals: SimTotals): void {
  expect(totals.worst).toEqual([])
  if (totals.simulatedMeetings < 500) return
  expect(totals.complete).toBeGreaterThan(totals.simulatedMeetings / 4)
  expect(totals.lost).toBeGreaterThan(0)
  // most of what is lost lies in a gap; what does not has its reason (losses.ts)
  expect(totals.ungapped.none).toBe(0)
  expect(totals.ungapped.session + totals.ungapped.unknown + totals.ungapped.piece).toBeLessThan(totals.lost * 0.1)
  expect(totals.returned).toBeGreaterThan(totals.spoken * 0.65)
  // bots that were replaced left some words under no name; the transcript of hardly a meeting shows it
  expect(totals.unnamed).toBeGreaterThan(0)
  expect(totals.unnamed).toBeLessThan(totals.returned * 0.01)
}

/** A seed is the same meeting again, fault by fault. */
export async function expectSame(world: WorldKind): Promise<void> {
  const told: string[] = []
  const once = await simulate(FROM + 25, { world, onFault: (atMs, kind) => told.push(`${atMs} ${kind}`) })
  const again: string[] = []
  expect(await simulate(FROM + 25, { world, onFault: (atMs, kind) => again.push(`${atMs} ${kind}`) })).toEqual(once)
  expect(again).toEqual(told)
  expect(told.length).toBeGreaterThan(0)
}
