import { expect, test } from 'vitest'
import { fateOfBefore, type Unseen } from '../../../../src/live/bot/predecessor.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { Unsettled } from '../../../../src/records/claims.js'
import { ManualClock } from '../../../support/manual-clock.js'

/** Asks about bots whose signs are made by the clock's time. */
async function asking(before: (nowMs: number) => readonly Unsettled[] | Error) {
  const clock = new ManualClock()
  const enough = new AbortController()
  const answers: (Unseen | null)[] = []
  const tenure = {
    before: () => {
      const answer = before(clock.monotonicMs())
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }
  void fateOfBefore({ tenure, clock, logger: silentLogger }, enough.signal).then((unseen) => answers.push(unseen))
  await clock.settle()
  const end = async () => {
    enough.abort(new Error('enough'))
    await clock.settle()
  }
  return { clock, answers, end }
}

test('30 of several bots each is known to be dead by its own signs, and all are waited for', async () => {
  const dead = { epoch: 1, sign: 'a 1', isRevoked: false }
  const { clock, answers } = await asking((nowMs) => [dead, { epoch: 2, sign: nowMs < 20_000 ? `b ${nowMs}` : 'b', isRevoked: false }])
  await clock.advance(25_000)
  expect(answers).toEqual([])
  await clock.advance(2_000)
  expect(answers).toEqual([{ dead: [1, 2], living: [] }])
})

test('30 at the end of a meeting it is said who is dead, and who may live', async () => {
  const { clock, answers, end } = await asking((nowMs) => [
    { epoch: 1, sign: null, isRevoked: false },
    { epoch: 2, sign: `b ${nowMs}`, isRevoked: false },
  ])
  await clock.advance(8_000)
  await end()
  expect(answers).toEqual([{ dead: [1], living: [2] }])
})

test('41 a store that does not answer says nothing about anybody: silence before it does not count', async () => {
  const { clock, answers, end } = await asking((nowMs) =>
    nowMs > 4_000 && nowMs < 9_000 ? new Error('away') : [{ epoch: 1, sign: 'a 1', isRevoked: false }],
  )
  await clock.advance(14_000)
  expect(answers).toEqual([])
  await clock.advance(2_000)
  expect(answers).toEqual([{ dead: [1], living: [] }])
  await end()
  const silent = await asking(() => new Error('away'))
  await silent.clock.advance(60_000)
  await silent.end()
  expect(silent.answers).toEqual([null])
})

test('30 one that was taken for dead before is dead, whatever it says', async () => {
  const { answers } = await asking((nowMs) => [{ epoch: 1, sign: `a ${nowMs}`, isRevoked: true }])
  expect(answers).toEqual([{ dead: [1], living: [] }])
})
