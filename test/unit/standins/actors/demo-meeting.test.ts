import { describe, expect, test } from 'vitest'
import { InputError } from '../../../../src/core/errors.js'
import { demoMeeting, estimateSpeechMs } from '../../../../src/standins/actors/demo-meeting.js'
import { expectedTranscript, orderedSteps, scriptProblems, scriptSchema } from '../../../../src/standins/actors/script.js'

describe.each([4, 5, 6, 7, 8])('with %i people', (people) => {
  const script = demoMeeting({ people })
  const steps = orderedSteps(script)

  test('the script can be played, and everybody speaks and is heard', () => {
    expect(scriptSchema.safeParse(script).success).toBe(true)
    expect(scriptProblems(script)).toEqual([])
    expect(new Set(expectedTranscript(script).map(({ identity }) => identity)).size).toBe(people)
  })

  test('it has a late join, a leave and rejoin, a mute with speech, and a rename', () => {
    const verbs = steps.map((step) => step.do)
    for (const verb of ['join', 'leave', 'rejoin', 'mute', 'unmute', 'rename'] as const) expect(verbs).toContain(verb)
    const spoken = steps.filter((step) => step.do === 'say').length
    expect(expectedTranscript(script).length).toBe(spoken - 1)
  })

  test('somebody interrupts, and two people speak at once with different words', () => {
    const says = steps.filter((step) => step.do === 'say')
    const voice = (identity: string) => script.cast.find((one) => one.identity === identity)?.voice ?? 'rms'
    const overlaps = says.flatMap((one) =>
      says.filter(
        (other) =>
          other.actor !== one.actor && other.atMs >= one.atMs && other.atMs < one.atMs + estimateSpeechMs(one.text, voice(one.actor)) - 500,
      ),
    )
    expect(overlaps.length).toBeGreaterThanOrEqual(2)
    const together = says.filter((one) => says.some((other) => other !== one && other.atMs === one.atMs))
    expect(new Set(together.map(({ text }) => text)).size).toBe(2)
  })

  test('nobody leaves or mutes within 1.4 s of speaking, or speaks within 2.4 s of coming', () => {
    for (const { actor, atMs, do: verb } of steps) {
      const mine = steps.filter((step) => step.do === 'say').filter((step) => step.actor === actor)
      const voice = script.cast.find((one) => one.identity === actor)?.voice ?? 'rms'
      const before = mine.filter((step) => step.atMs < atMs).map((step) => step.atMs + estimateSpeechMs(step.text, voice))
      if (verb === 'leave' || verb === 'mute') expect(Math.max(0, ...before)).toBeLessThanOrEqual(atMs - 1_400)
      const after = mine.filter((step) => step.atMs >= atMs).map((step) => step.atMs)
      if (verb === 'join' || verb === 'rejoin' || verb === 'unmute') expect(Math.min(...after)).toBeGreaterThanOrEqual(atMs + 2_400)
    }
  })
})

test.each([60, 75, 90, 180, 600])('asked for %i s it is at most that long, or as long as its contents need', (seconds) => {
  const last = orderedSteps(demoMeeting({ seconds })).at(-1)?.atMs ?? 0
  expect(last).toBeLessThanOrEqual(Math.max(seconds, 75) * 1_000)
  expect(last).toBeGreaterThan((seconds - 12) * 1_000)
})

test('a decision and action items are in it', () => {
  const texts = expectedTranscript(demoMeeting()).map(({ text }) => text)
  expect(texts).toContain('we decided to stop the old service in june')
  expect(texts).toContain('i will send the report before friday')
})

test('other numbers of people and seconds are refused', () => {
  for (const options of [{ people: 3 }, { people: 9 }, { people: 4.5 }, { seconds: 59 }, { seconds: Number.NaN }])
    expect(() => demoMeeting(options)).toThrow(InputError)
})
