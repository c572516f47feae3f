import { expect, test } from 'vitest'
import { replay, type ReplayOptions } from '../../../support/replay.js'
import { judge } from '../../../support/replay-verdict.js'
import { crowd, excerpt, spread, synthetic, type Meeting } from '../../../support/turns.js'

const LENGTH_MS = 60_000
/** fewer samples stand for a block: the rules count blocks */
const SHORT = 40

/** Two conversations at once, their talk taken by so many people. */
const crowdOf = (people: number, seed: number): Meeting =>
  spread(excerpt(crowd([synthetic(4, seed), synthetic(4, seed + 1000)], 8, seed), 60_000, 60_000 + LENGTH_MS), people)

const verdictOf = (meeting: Meeting, options: ReplayOptions) => judge(replay(meeting, options))

const FOUR = { max: 4, mode: 'fixed' } as const
const AUTO = { max: 4, mode: 'auto' } as const
const TWO = { max: 2, mode: 'fixed' } as const

test.each([
  { people: 3, channels: FOUR, seed: 1 },
  { people: 8, channels: FOUR, seed: 2 },
  { people: 12, channels: FOUR, seed: 3 },
  { people: 12, channels: AUTO, seed: 4 },
  { people: 8, channels: AUTO, seed: 5 },
  { people: 5, channels: TWO, seed: 6 },
])(
  'of $people people on $channels.max channels, $channels.mode, nothing is lost, cut, doubled, disordered or wrongly named',
  ({ people, channels, seed }) => {
    const verdict = verdictOf(crowdOf(people, seed), { seed, channels, blockSamples: SHORT })
    expect(verdict.speechMs).toBeGreaterThan(LENGTH_MS)
    expect(verdict).toMatchObject({
      lostMs: 0,
      onsetCutMs: 0,
      onsetsLost: 0,
      doubledBlocks: 0,
      disorderedBlocks: 0,
      wrongBlocks: 0,
      damagedBlocks: 0,
    })
    expect(verdict.positionErrorMs).toBeLessThan(1)
    // longer than the pause after which the engine ends an utterance
    expect(verdict.guardZerosMs).toBeGreaterThanOrEqual(400)
    if (people > channels.max) expect(verdict.changes).toBeGreaterThan(people - channels.max)
  },
)

test('one conversation of twelve waits for none of four channels, and is billed a third of a channel each', () => {
  const alone = verdictOf(soloists(12), { seed: 5, blockSamples: SHORT })
  const verdict = judge(replay(spread(excerpt(synthetic(4, 5), 0, LENGTH_MS), 12), { seed: 5, blockSamples: SHORT }), alone.longestOnsetMs)
  expect(verdict.waitsMs.toSorted((a, b) => a - b)[Math.floor(verdict.waitsMs.length * 0.95)]).toBe(0)
  expect(verdict.billedMs / (12 * LENGTH_MS)).toBeLessThan(0.34)
})

test('more speech than the channels carry is late or told of as a gap, in order, and never under a wrong name', () => {
  const meeting = excerpt(crowd([synthetic(4, 1), synthetic(4, 2), synthetic(4, 3), synthetic(4, 4)], 16, 6), 0, LENGTH_MS)
  const verdict = verdictOf(meeting, { seed: 6, channels: { max: 2, mode: 'fixed' }, blockSamples: SHORT })
  expect(verdict.speechMs).toBeGreaterThan(2.5 * LENGTH_MS)
  expect(verdict.lostMs).toBeGreaterThan(0)
  expect(verdict).toMatchObject({ unstatedMs: 0, doubledBlocks: 0, disorderedBlocks: 0, wrongBlocks: 0, damagedBlocks: 0 })
  expect(verdict.guardZerosMs).toBeGreaterThanOrEqual(400)
})

test('a seed gives the same output again, block by block, and another seed another one', () => {
  const hash = (seed: number) => verdictOf(crowdOf(6, 7), { seed, blockSamples: SHORT }).hash
  expect(hash(7)).toBe(hash(7))
  expect(hash(8)).not.toBe(hash(7))
})

test('blocks of 800 samples fare as the short ones that stand for them', () => {
  const meeting = crowdOf(7, 9)
  const [short, whole] = [SHORT, 800].map((blockSamples) => verdictOf(meeting, { seed: 9, blockSamples }))
  expect(whole).toMatchObject({ lostMs: 0, wrongBlocks: 0, damagedBlocks: 0, doubledBlocks: 0 })
  // a beginning of 1 ms is heard by one and not by the other
  expect(Math.abs((whole?.changes ?? 0) - (short?.changes ?? 0))).toBeLessThanOrEqual(0.1 * (short?.changes ?? 0))
  expect(whole?.billedMs).toBeCloseTo(short?.billedMs ?? 0, -3)
})

/** Everybody says something, one after the other, and nobody ever waits. */
function soloists(people: number): Meeting {
  const names = Array.from({ length: people }, (_, at) => `p${at}`)
  const turns = names.map((speaker, at) => ({ speaker, fromMs: 1000 + at * 3000, toMs: 2500 + at * 3000 }))
  return { corpus: 'solo', id: 'solo', people: names, turns, endMs: people * 3000 + 2000 }
}
