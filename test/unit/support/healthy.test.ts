import { expect, test } from 'vitest'
import type { PlayHealth } from '../../../src/standins/actors/play-event.js'
import type { CrowdActors } from '../../support/crowd-actors.js'
import { healthOf, healthy, worstOf, type Health } from '../../support/healthy.js'

const health = (worstLatenessMs: number): PlayHealth => ({
  worstLatenessMs,
  worstUnderrunMs: 0,
  worstLoopDelayMs: 0,
  skippedMarks: 0,
  failures: 0,
})

/** Speakers who tell how late they were only once they have been sent away, before the end of their script; null: never. */
function actors(worstLatenessMs: number | null): CrowdActors {
  let isGone = false
  return {
    ready: Promise.resolve(),
    events: [],
    go: () => 0,
    ended: new Promise<PlayHealth>(() => undefined),
    health: () => (isGone && worstLatenessMs !== null ? health(worstLatenessMs) : undefined),
    [Symbol.asyncDispose]: () => {
      isGone = true
      return Promise.resolve()
    },
  }
}

test('a run is as healthy as the worst of its speakers, and those that cannot say show nothing', async () => {
  expect(worstOf(['valid', 'no_timing', 'invalid', 'valid'])).toBe('invalid')
  expect(worstOf([])).toBe('invalid')
  expect(await healthOf([actors(10), actors(20)])).toBe('valid')
  expect(await healthOf([actors(10), actors(200)])).toBe('no_timing')
  expect(await healthOf([actors(200), actors(600), actors(10)])).toBe('invalid')
  expect(await healthOf([actors(10), actors(null)])).toBe('invalid')
})

test.each([
  [['valid'], 'valid'],
  [['no_timing'], 'no_timing'],
  [['invalid', 'valid'], 'valid'],
  [['invalid', 'invalid'], 'invalid'],
] as const)('runs that are %j: all are needed, and the result is %s', async (runs, result) => {
  const left: Health[] = [...runs]
  const run = () => Promise.resolve({ health: left.shift() ?? 'valid' })
  expect(await healthy(run)).toEqual({ health: result })
  expect(left).toEqual([])
})
