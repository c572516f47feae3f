import { describe, expect, test } from 'vitest'
import { expectedMarks, scriptProblems, type Script } from '../../../src/standins/actors/script.js'
import { conversation, crowdScript, onsetScript } from '../../support/crowd-script.js'
import { synthetic } from '../../support/turns.js'

const turnsOf = (script: Script) => script.steps.flatMap((step) => (step.do === 'marks' ? [step] : []))
const count = (script: Script, verb: string) => script.steps.filter((step) => step.do === verb).length

const talk = conversation(90, 1)

describe.each([8, 16, 30, 45, 60])('a crowd of %i', (people) => {
  const script = crowdScript({ people, seconds: 90, talk, seed: 1 })

  test('can be played, and is the same for the same seed', () => {
    expect(scriptProblems(script)).toEqual([])
    expect(crowdScript({ people, seconds: 90, talk, seed: 1 })).toEqual(script)
  })

  test('has everybody speak, and everything happen that may happen', () => {
    expect(new Set(turnsOf(script).map(({ actor }) => actor)).size).toBe(people)
    expect(count(script, 'join')).toBe(people - 2)
    expect(count(script, 'leave')).toBe(3)
    expect(count(script, 'rejoin')).toBe(2)
    expect(count(script, 'republish')).toBe(1)
    expect(count(script, 'rename')).toBe(1)
    expect(script.steps.filter((step) => step.do === 'mute' && step.inSlotMs !== undefined).length).toBeGreaterThanOrEqual(5)
    expect(new Set(script.cast.map(({ name }) => name)).size).toBe(people - 1)
    // somebody talks into a closed microphone
    expect(expectedMarks(script).filter(({ isHeard }) => !isHeard).length).toBeGreaterThan(3)
  })

  test('lets nobody speak before having been there for 2.5 s', () => {
    for (const come of script.steps.filter((step) => step.do === 'join' || step.do === 'rejoin')) {
      const next = turnsOf(script).find((turn) => turn.actor === come.actor && turn.atMs >= come.atMs)
      expect((next?.atMs ?? Number.POSITIVE_INFINITY) - come.atMs).toBeGreaterThanOrEqual(2_500)
    }
  })

  test('is over before it ends', () => {
    const lastMs = Math.max(...turnsOf(script).map((turn) => turn.atMs + turn.slots * 200))
    expect((script.lengthMs ?? 0) - lastMs).toBeGreaterThanOrEqual(3_000)
  })
})

test('made-up talk has turns enough for everybody too', () => {
  const script = crowdScript({ people: 30, seconds: 90, talk: synthetic(30, 3, 90_000), seed: 3 })
  expect(scriptProblems(script)).toEqual([])
})

test('onsets come after at least 3 s of silence of that person, as many as asked for', () => {
  const script = onsetScript({ people: 30, onsets: 520, perSecond: 2.6, seed: 1 })
  expect(scriptProblems(script)).toEqual([])
  expect(turnsOf(script)).toHaveLength(520)
  // everybody's microphone has been subscribed to by then
  expect(Math.min(...turnsOf(script).map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(2_500)
  for (const { identity } of script.cast) {
    const own = turnsOf(script).filter(({ actor }) => actor === identity)
    own.slice(1).forEach((turn, at) => expect(turn.atMs - (own[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(3_600))
  }
})
