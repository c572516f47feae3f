import { describe, expect, it, vi } from 'vitest'
import { UpstreamError } from '../../../src/core/errors.js'
import { isBlameless } from '../../../src/followup/jobs/policy.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { AttendanceRig } from '../../support/attendance-rig.js'

it('41 a store that is away for ten minutes is told of once by each job that looks, and once as what lasts', async () => {
  const rig = new AttendanceRig()
  const one = rig.process('one')
  const id = await rig.meeting()
  const told: string[] = []
  const tell = (_: object, message: string) => void told.push(message)
  vi.spyOn(silentLogger, 'warn').mockImplementation(tell)
  vi.spyOn(silentLogger, 'error').mockImplementation(tell)
  const { standing } = one.claims
  one.claims.standing = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
  one.attend(id)
  await rig.clock.advance(600_000)
  one.claims.standing = standing
  await rig.clock.advance(2_000)
  vi.restoreAllMocks()
  expect(told.filter((message) => message.includes('known'))).toEqual([
    'it is not known whose the meeting is',
    'it has not been known for a minute whose the meeting is: the store is away',
  ])
  await rig.end()
})

describe('41 43 a store that ends each look after its time', () => {
  const failure = (code: string) => new UpstreamError(code, code, { service: 'database', retryable: true })

  /** One look at a meeting after the other, each 30 s long. @param codes how they end, the last one on and on; null: somebody has it */
  const looks = async (...codes: (string | null)[]) => {
    const rig = new AttendanceRig()
    const [one, two] = [rig.process('one'), rig.process('two')]
    const id = await rig.meeting()
    // a bot that ran there all this time would tick a million times
    await two.claims.take(id, await two.claims.standing(id))
    const { standing } = one.claims
    one.claims.standing = async (asked) => {
      await rig.clock.sleep(30_000)
      const code = codes.length > 1 ? codes.shift() : codes[0]
      if (code) throw failure(code)
      return standing.call(one.claims, asked)
    }
    const ended: unknown[] = []
    const job = new AbortController()
    one.attendance.attend(id, job.signal).catch((thrown: unknown) => ended.push(thrown))
    const end = async () => {
      job.abort(new Error('enough'))
      await rig.clock.advance(31_000)
      await rig.end()
    }
    return { rig, ended, end }
  }

  it('43 is asked for ten minutes, and then the attempt has failed: the job is a dead letter in the end, and no riddle', async () => {
    const { rig, ended, end } = await looks('database_timeout')
    await rig.clock.advance(600_000)
    expect(ended).toEqual([])
    await rig.clock.advance(62_000)
    expect(ended).toMatchObject([{ code: 'database_timeout' }])
    expect(isBlameless(ended[0])).toBe(false)
    await end()
  })

  it.each(['database_unreachable', null])('41 is asked on after a look that ended with %s', async (code) => {
    const fifteen = Array.from({ length: 15 }, () => 'database_timeout')
    const { rig, ended, end } = await looks(...fifteen, code, ...fifteen, code, 'database_timeout')
    await rig.clock.advance(1_200_000)
    expect(ended).toEqual([])
    await end()
  })
})
