import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  endSlot,
  expectedMarks,
  expectedTranscript,
  nextPart,
  openingParts,
  scriptProblems,
  scriptSchema,
  type Part,
  type Script,
  type Step,
} from '../../../../src/standins/actors/script.js'

const cast = [
  { identity: 'anna', name: 'Anna', who: 3, voice: 'rms' as const },
  { identity: 'ben', name: 'Ben', who: 7, voice: 'awb' as const },
]
const away: Part = { isPresent: false, isPublished: false, isMuted: false, name: 'Anna', marksUntil: 0 }
const silent: Part = { ...away, isPresent: true }
const open: Part = { ...silent, isPublished: true }
const muted: Part = { ...open, isMuted: true }

const steps: Record<Step['do'], Step> = {
  join: { atMs: 0, actor: 'anna', do: 'join' },
  rejoin: { atMs: 0, actor: 'anna', do: 'rejoin' },
  leave: { atMs: 0, actor: 'anna', do: 'leave' },
  mute: { atMs: 0, actor: 'anna', do: 'mute' },
  unmute: { atMs: 0, actor: 'anna', do: 'unmute' },
  unpublish: { atMs: 0, actor: 'anna', do: 'unpublish' },
  republish: { atMs: 0, actor: 'anna', do: 'republish' },
  rename: { atMs: 0, actor: 'anna', do: 'rename', name: 'Anna' },
  say: { atMs: 0, actor: 'anna', do: 'say', text: 'hello' },
  marks: { atMs: 0, actor: 'anna', do: 'marks', slots: 0 },
}
/** Every state x step; null is impossible. */
const table: Record<Step['do'], readonly [fromAway: Part | null, fromSilent: Part | null, fromOpen: Part | null, fromMuted: Part | null]> =
  {
    join: [open, null, null, null],
    rejoin: [open, null, null, null],
    leave: [null, away, away, away],
    mute: [null, null, muted, null],
    unmute: [null, null, null, open],
    unpublish: [null, null, silent, silent],
    republish: [null, open, open, open],
    rename: [null, silent, open, muted],
    say: [null, null, open, muted],
    marks: [null, null, open, muted],
  }

describe('every state and step', () => {
  const states = [away, silent, open, muted]
  for (const [verb, results] of Object.entries(table) as [Step['do'], (typeof table)['join']][]) {
    test(`${verb} leads where the table says`, () => {
      states.forEach((state, at) => {
        const next = nextPart(state, steps[verb])
        if (results[at] === null) expect(next).toMatch(new RegExp(`anna cannot ${verb} at 0 ms`))
        else expect(next).toEqual(results[at])
      })
    })
  }
})

test('whoever has a join step is away at T0, everybody else is there with an open microphone', () => {
  const parts = openingParts({ cast, steps: [{ atMs: 500, actor: 'ben', do: 'join' }] })
  expect(parts.get('anna')).toMatchObject({ isPresent: true, isPublished: true, isMuted: false })
  expect(parts.get('ben')).toMatchObject({ isPresent: false, isPublished: false })
})

test('a step takes effect at the first slot that does not begin before it', () => {
  const script: Script = {
    cast,
    steps: [
      { atMs: 1, actor: 'anna', do: 'marks', slots: 4 },
      { atMs: 400, actor: 'anna', do: 'mute' },
      { atMs: 601, actor: 'anna', do: 'unmute' },
    ],
  }
  expect(expectedMarks(script)).toEqual([
    { who: 3, n: 1, isHeard: true },
    { who: 3, n: 2, isHeard: false },
    { who: 3, n: 3, isHeard: false },
    { who: 3, n: 4, isHeard: true },
  ])
})

test('leaving ends a turn of marks, and coming back does not go on with it', () => {
  const script: Script = {
    cast,
    steps: [
      { atMs: 0, actor: 'ben', do: 'marks', slots: 100 },
      { atMs: 400, actor: 'ben', do: 'leave' },
      { atMs: 800, actor: 'ben', do: 'rejoin' },
      { atMs: 1_000, actor: 'ben', do: 'marks', slots: 1 },
    ],
  }
  expect(expectedMarks(script).map(({ n }) => n)).toEqual([0, 1, 5])
  expect(endSlot(script)).toBe(100)
})

test('the expected transcript has the name of that time and nothing that was said while muted', () => {
  const script: Script = {
    cast,
    steps: [
      { atMs: 3_000, actor: 'anna', do: 'say', text: 'muted' },
      { atMs: 0, actor: 'anna', do: 'say', text: 'first' },
      { atMs: 2_000, actor: 'anna', do: 'mute' },
      { atMs: 4_000, actor: 'anna', do: 'unmute' },
      { atMs: 4_100, actor: 'anna', do: 'rename', name: 'Ann' },
      { atMs: 5_000, actor: 'anna', do: 'say', text: 'last' },
    ],
  }
  expect(expectedTranscript(script)).toEqual([
    { identity: 'anna', name: 'Anna', text: 'first', atMs: 0 },
    { identity: 'anna', name: 'Ann', text: 'last', atMs: 5_000 },
  ])
})

test('every problem of a script is named', () => {
  const script: Script = {
    cast: [...cast, { identity: 'anna', name: 'Other', who: 7, voice: 'slt' }],
    steps: [
      { atMs: 0, actor: 'zoe', do: 'mute' },
      { atMs: 0, actor: 'ben', do: 'unmute' },
    ],
  }
  expect(scriptProblems(script)).toEqual([
    'two people have the same identity',
    'two people have the same number',
    'nobody is called zoe',
    'ben cannot unmute at 0 ms: not muted',
  ])
})

test('a script from JSON is checked', () => {
  expect(scriptSchema.safeParse({ cast, steps: Object.values(steps).filter((step) => step.do !== 'marks') }).success).toBe(true)
  expect(scriptSchema.safeParse({ cast, steps: [{ atMs: 0, actor: 'anna', do: 'dance' }] }).success).toBe(false)
  expect(scriptSchema.safeParse({ cast: [{ ...cast[0], who: 64 }], steps: [] }).success).toBe(false)
})

test('no mark is expected twice, or of somebody who has no microphone in the room', () => {
  const verbs = Object.keys(steps) as Step['do'][]
  const anyStep = fc
    .record({
      atMs: fc.nat(4_000),
      actor: fc.constantFrom('anna', 'ben'),
      verb: fc.constantFrom(...verbs),
      slots: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ atMs, actor, verb, slots }): Step => (verb === 'marks' ? { atMs, actor, do: verb, slots } : { ...steps[verb], atMs, actor }))
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (some) => {
      const marks = expectedMarks({ cast, steps: some })
      expect(new Set(marks.map(({ who, n }) => `${who}:${n}`)).size).toBe(marks.length)
      const turns = some.filter((step) => step.do === 'marks').reduce((slots, step) => slots + step.slots, 0)
      expect(marks.length).toBeLessThanOrEqual(turns)
    }),
  )
})
