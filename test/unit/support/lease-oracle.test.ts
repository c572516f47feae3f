import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LEASE_RULES, leastLate, leastWaitMs, oracleWaits, type LeaseRules } from '../../support/lease-oracle.js'
import { meetingOf, type Turn } from '../../support/turns.js'

const ONE: LeaseRules = { ...LEASE_RULES, channels: 1, preRollMs: 300 }
const turn = (speaker: string, fromMs: number, toMs: number): Turn => ({ speaker, fromMs, toMs })

test('a turn that finds a channel waits for nothing, nor does one on a channel that had its guard and leaves a pre-roll', () => {
  expect(oracleWaits([turn('a', 0, 1000), turn('b', 1700, 2000)], ONE)).toEqual([0, 0])
  expect(oracleWaits([turn('a', 0, 1000), turn('b', 0, 1000)], { ...ONE, channels: 2 })).toEqual([0, 0])
})

test('another owner waits for the guard and the pre-roll, the same one for nothing', () => {
  expect(oracleWaits([turn('a', 0, 1000), turn('b', 1000, 2000)], ONE)).toEqual([0, 700])
  expect(oracleWaits([turn('a', 0, 1000), turn('a', 1300, 2000)], ONE)).toEqual([0, 0])
})

test('a speaker who is late keeps the order of turns and cuts the pause between them to 0.3 s; a shorter one is part of the turn', () => {
  // b begins at 1700 instead of 500, and ends at 2200: the pause of 1 s shrinks to 0.3
  expect(oracleWaits([turn('a', 0, 1000), turn('b', 500, 1000), turn('b', 2000, 2100)], ONE)).toEqual([0, 1200, 500])
  expect(oracleWaits([turn('a', 0, 1000), turn('b', 500, 1000), turn('b', 1299, 1400)], ONE)).toEqual([0, 1200])
})

test('who began first is served first, on the channel where that is soonest, of equals the one that others would have to wait for', () => {
  const two = { ...ONE, channels: 2 }
  const turns = [turn('a', 0, 3000), turn('b', 0, 2000), turn('c', 500, 700), turn('d', 600, 5000), turn('e', 3600, 4000)]
  expect(oracleWaits(turns, two)).toEqual([0, 0, 2200, 3000, 100])
  expect(oracleWaits([turn('a', 0, 1000), turn('a', 1300, 2000), turn('b', 1350, 2000)], two)).toEqual([0, 0, 0])
})

test('of turns that overlap more than there are channels those that end last are late, if they cannot be put off for so long', () => {
  const three = [turn('a', 0, 5000), turn('b', 0, 5000), turn('c', 1000, 1500)]
  expect([0, 4600, 4699, 4700].map((ms) => leastLate(three, ms, { ...ONE, channels: 2 }))).toEqual([1, 0, 0, 0])
  expect([0, 2000, 2200].map((ms) => leastLate([turn('a', 0, 2000), turn('b', 500, 3000)], ms, ONE))).toEqual([1, 1, 0])
  // the speaker's own next turn is nobody else
  expect(leastLate([turn('a', 0, 2000), turn('a', 2300, 3000)], 0, ONE)).toBe(0)
  expect(leastLate([turn('a', 0, 2000), turn('b', 2699, 3000)], 0, ONE)).toBe(1)
})

test('the least wait of a share of the turns is the one at which no more of them have to be late', () => {
  const busy = [turn('a', 0, 2000), turn('b', 500, 3000)]
  expect(leastWaitMs([busy], 1, ONE)).toBe(2190)
  expect([0.5, 0.6].map((share) => leastWaitMs([busy], share, ONE))).toEqual([0, 2190])
  expect(leastWaitMs([[turn('a', 0, 1000)]], 1, ONE)).toBe(0)
  expect(leastWaitMs([], 0.99, ONE)).toBe(0)
})

const crowdOfTurns = fc
  .array(
    fc.record({ speaker: fc.constantFrom('a', 'b', 'c', 'd', 'e'), fromMs: fc.nat(8000), lengthMs: fc.integer({ min: 50, max: 3000 }) }),
    {
      minLength: 1,
      maxLength: 14,
    },
  )
  .map((all) => {
    const turns = all.map(({ speaker, fromMs, lengthMs }) => turn(speaker, fromMs, fromMs + lengthMs))
    return meetingOf('x', 'x', turns).turns
  })

/** Waits under some order of service that keeps the rules: turns in the order of the ranks, a speaker's own ones in theirs. */
function someWaits(turns: readonly Turn[], rules: LeaseRules, ranks: readonly number[]): number[] {
  const left = new Map<string, Turn[]>()
  for (const one of turns) {
    const own = left.get(one.speaker) ?? []
    left.set(one.speaker, own)
    const last = own.at(-1)
    if (last && one.fromMs - last.toMs < rules.pauseMs) own[own.length - 1] = { ...last, toMs: one.toMs }
    else own.push(one)
  }
  const channels = Array.from({ length: rules.channels }, () => ({ owner: '', endMs: Number.NEGATIVE_INFINITY }))
  const done = new Map<string, { readonly turn: Turn; readonly endMs: number }>()
  const waits: number[] = []
  for (let step = 0; left.size > 0; step++) {
    const names = [...left.keys()]
    const rank = ranks[step % ranks.length] ?? 0
    const name = names[rank % names.length] ?? ''
    const next = left.get(name)?.shift()
    if (left.get(name)?.length === 0) left.delete(name)
    const channel = channels[rank % channels.length]
    if (!next || !channel) continue
    const before = done.get(name)
    const ownMs = before ? before.endMs + Math.min(rules.pauseMs, next.fromMs - before.turn.toMs) : 0
    const guardMs = channel.owner === name ? 0 : rules.guardMs + rules.preRollMs
    const startMs = Math.max(next.fromMs, ownMs, channel.endMs + guardMs)
    channel.owner = name
    channel.endMs = startMs + next.toMs - next.fromMs
    done.set(name, { turn: next, endMs: channel.endMs })
    waits.push(startMs - next.fromMs)
  }
  return waits
}

test('whatever the order of service, no fewer turns are late than the bound says, and no quantile is below it', () => {
  const ranks = fc.array(fc.nat(60), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(
      crowdOfTurns,
      fc.integer({ min: 1, max: 3 }),
      ranks,
      fc.nat(3000),
      fc.constantFrom(0.5, 0.9, 1),
      (turns, channels, order, waitMs, share) => {
        const rules = { ...LEASE_RULES, channels }
        for (const waits of [oracleWaits(turns, rules), someWaits(turns, rules, order)]) {
          expect(waits.filter((wait) => wait > waitMs).length).toBeGreaterThanOrEqual(leastLate(turns, waitMs, rules))
          const sorted = waits.toSorted((a, b) => a - b)
          expect(sorted[Math.ceil(share * sorted.length) - 1]).toBeGreaterThanOrEqual(leastWaitMs([turns], share, rules))
        }
      },
    ),
    { numRuns: 150 },
  )
})
