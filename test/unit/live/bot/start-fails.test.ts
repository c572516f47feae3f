import { expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { BotRig } from '../../../support/bot-rig.js'

test('41 a bot whose store is away when it begins leaves nothing behind: no timer, no listener, no work', async () => {
  const rig = new BotRig()
  const append = rig.store.appendSegments.bind(rig.store)
  rig.store.appendSegments = () => Promise.reject(new UpstreamError('store_unreachable', 'away', { service: 'store', retryable: true }))
  await rig.start()
  await expect(rig.end()).rejects.toThrow('away')
  expect(rig.clock.pending).toBe(0)
  // the next attempt is a bot of its own
  rig.store.appendSegments = append
  await rig.store.requestStop(rig.meeting.id)
  await rig.clock.advance(10_000)
  expect(rig.clock.pending).toBe(0)
})
