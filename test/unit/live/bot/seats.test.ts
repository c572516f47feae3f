import { expect, test } from 'vitest'
import type { TrackKey } from '../../../../src/core/ids.js'
import { BotRig, loud } from '../../../support/bot-rig.js'

/** Everybody speaks at once for a second. */
async function speakTogether(rig: BotRig, ...keys: TrackKey[]): Promise<void> {
  for (let at = 0; at < 1_000; at += 50) {
    await rig.clock.advance(50)
    for (const key of keys) rig.room.connection.frame(key, loud(), rig.clock.monotonicMs())
  }
  await rig.clock.advance(1_000)
}

const channelsOf = (rig: BotRig) => rig.stt.sessions.map(({ channels }) => channels)

test('A9 who is not in the room when the bot is back after an outage takes no channel from those who are', async () => {
  const rig = new BotRig()
  await rig.start()
  await speakTogether(rig, rig.room.connection.start('ann'), rig.room.connection.start('bob'))
  rig.room.connection.end('connection_lost')
  await rig.clock.advance(2_000)
  expect(rig.room.connections).toHaveLength(2)
  await speakTogether(rig, rig.room.connection.start('cyd'), rig.room.connection.start('dan'))
  expect(channelsOf(rig)).toEqual([2])
  rig.stop.abort()
  await rig.end()
})

test('A9 what is unpublished in a pause takes no channel after it', async () => {
  const rig = new BotRig()
  await rig.start()
  const [ann, bob] = [rig.room.connection.start('ann'), rig.room.connection.start('bob')]
  rig.room.connection.start('cyd')
  await rig.store.setPaused(rig.meeting.id, true)
  await rig.clock.advance(1_000)
  rig.room.connection.stop('cyd', 'unpublished')
  await rig.store.setPaused(rig.meeting.id, false)
  await rig.clock.advance(100)
  await speakTogether(rig, ann, bob)
  expect(channelsOf(rig)).toEqual([2])
  rig.stop.abort()
  await rig.end()
})

test('A9 what was heard before an outage, and is not for 15 s after it, takes no channel although its person is there', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.start('ann')
  rig.room.connection.start('ann', 'screenshare')
  rig.room.connection.start('bob')
  rig.room.connection.reconnecting()
  await rig.clock.advance(1_000)
  rig.room.connection.reconnected()
  const [ann, bob] = [rig.room.connection.start('ann'), rig.room.connection.start('bob')]
  await rig.clock.advance(16_000)
  await speakTogether(rig, ann, bob)
  expect(channelsOf(rig)).toEqual([2])
  rig.stop.abort()
  await rig.end()
})
