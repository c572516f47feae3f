import { expect, it, vi } from 'vitest'
import { UpstreamError } from '../../../src/core/errors.js'
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
