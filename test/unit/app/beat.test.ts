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
