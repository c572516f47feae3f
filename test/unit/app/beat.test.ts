import { expect, it } from 'vitest'
import { beat } from '../../../src/app/roles/live.js'
import { UpstreamError } from '../../../src/core/errors.js'
import { Scope } from '../../../src/core/scope.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { ManualClock } from '../../support/manual-clock.js'
import { ClaimTable, MemoryClaims } from '../../support/memory-claims.js'
import { MemoryStore } from '../../support/memory-store.js'

it('41 a process that ends while the store is away has not failed: that its good-bye is not heard, its silence tells', async () => {
  const clock = new ManualClock()
  const claims = new MemoryClaims('one', new ClaimTable(), new MemoryStore(() => clock.nowMs()), clock)
  claims.leave = () =>
    Promise.reject(new UpstreamError('database_unreachable', 'the database does not answer', { service: 'database', retryable: true }))
  const scope = new Scope()
  beat({ scope, clock, logger: silentLogger, records: { claims } })
  await expect(scope.close()).resolves.toBeUndefined()
  expect(clock.pending).toBe(0)
})

it('41 a store that is away for ten minutes is told of when that begins, when it lasts, and when it is over', async () => {
  const clock = new ManualClock()
  const claims = new MemoryClaims('one', new ClaimTable(), new MemoryStore(() => clock.nowMs()), clock)
  const { beat: give } = claims
  const told: string[] = []
  const tell = (_: object, message: string) => void told.push(message)
  const scope = new Scope()
  beat({ scope, clock, logger: { ...silentLogger, info: tell, warn: tell, error: tell }, records: { claims } })
  claims.beat = () => Promise.reject(new Error('away'))
  await clock.advance(600_000)
  claims.beat = give
  await clock.advance(1_000)
  expect(told).toEqual([
    'sign of life could not be given',
    'no sign of life could be given for a minute: the database is away',
    'signs of life are given again',
  ])
  await scope.close()
})
