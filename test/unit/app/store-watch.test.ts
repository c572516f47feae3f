import { describe, expect, it } from 'vitest'
import { StoreWatch } from '../../../src/app/beat-watch.js'

describe('41 whether the store has answered all along', () => {
  it('is so while answers come, not from the first late one on, and again 6 s after they are back', () => {
    const watch = new StoreWatch(0)
    for (let ms = 500; ms <= 10_000; ms += 500) watch.answered(ms)
    expect([watch.isSteady(10_000), watch.isSteady(11_500), watch.isSteady(11_501)]).toEqual([true, true, false])
    for (let ms = 20_000; ms <= 26_000; ms += 500) watch.answered(ms)
    expect([watch.isSteady(20_100), watch.isSteady(25_999), watch.isSteady(26_000)]).toEqual([false, false, true])
  })

  it('is so for a process that has just begun, whose first answer may be slow, but not when none comes', () => {
    const slow = new StoreWatch(0)
    expect([slow.isSteady(6_000), slow.isSteady(6_001)]).toEqual([true, false])
    slow.answered(5_000)
    expect(slow.isSteady(5_100)).toBe(true)
    const late = new StoreWatch(0)
    late.answered(9_000)
    expect([late.isSteady(9_000), late.isSteady(9_100)]).toEqual([false, false])
  })

  it('is not known to a process that has just begun, if it is for so long that whoever was silent all the while is dead', () => {
    const watch = new StoreWatch(1_000)
    for (let ms = 2_500; ms <= 30_000; ms += 500) {
      watch.answered(ms)
      expect(watch.hasWatched(ms)).toBe(ms >= 7_000)
    }
    expect(watch.hasWatched(32_000)).toBe(false)
  })

  it('is always so of a database that is nobody else’s', () => {
    const watch = new StoreWatch(null)
    expect([watch.isSteady(1e9), watch.hasWatched(0)]).toEqual([true, true])
  })
})
