import { expect, test } from 'vitest'
import { deferred } from '../../../../src/core/deferred.js'
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

test('41 a store that does not say whether the meeting is to end is asked again, and the meeting goes on until it says so', async () => {
  const rig = new BotRig()
  await rig.start()
  const key = rig.room.connection.start('ann')
  await rig.speak(key, 500)
  const meeting = rig.store.meeting.bind(rig.store)
  rig.store.meeting = () => Promise.reject(new UpstreamError('store_unreachable', 'away', { service: 'store', retryable: true }))
  await rig.store.requestStop(rig.meeting.id)
  await rig.clock.advance(8_000)
  expect(rig.outcome).toBe(null)
  rig.store.meeting = meeting
  expect(await rig.end()).toMatchObject({ reason: 'stopped', failed: false })
})

test('19 the gap of frozen media begins where packets may have stopped', async () => {
  const rig = new BotRig()
  await rig.start()
  const key = rig.room.connection.start('ann')
  await rig.speak(key, 2_000)
  rig.room.connection.stall(key, 'no_packets', rig.clock.monotonicMs() - 1_500)
  await rig.speak(key, 1_000)
  rig.room.connection.resume(key)
  await rig.speak(key, 500)
  rig.stop.abort()
  expect(await rig.end()).toMatchObject({ complete: false })
  const [gap] = await rig.store.gaps(rig.meeting.id)
  expect(gap).toMatchObject({ identity: 'ann', reason: 'not_received' })
  expect(gap!.toMs - gap!.fromMs).toBeGreaterThanOrEqual(2_400)
})

test('39 a stop that comes while a slow store keeps a bot from beginning ends it in order, once it has begun', async () => {
  const rig = new BotRig()
  const append = rig.store.appendSegments.bind(rig.store)
  const slow = deferred()
  rig.store.appendSegments = async (...given) => {
    await slow.promise
    return append(...given)
  }
  await rig.start()
  await rig.store.requestStop(rig.meeting.id)
  await rig.clock.advance(5_000)
  slow.resolve()
  expect(await rig.end()).toMatchObject({ reason: 'stopped', failed: false })
  expect(await rig.store.meeting(rig.meeting.id)).toMatchObject({ state: 'finalising', reason: 'stopped' })
})
