import { expect, test } from 'vitest'
import { BotRig } from '../../../support/bot-rig.js'
import { requestFor } from '../../../support/records.js'

const sentSamples = (rig: BotRig) =>
  rig.stt.sessions.flatMap(({ blocks }) => blocks).reduce((loud, block) => loud + block.filter((sample) => sample !== 0).length, 0)

test('a paused meeting sends nothing of anybody, closes its speech session, and shows it in the room; resumed, it hears again', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  const ann = rig.room.connection.start('ann')
  await rig.speak(ann, 1_000)
  await rig.store.setPaused(rig.meeting.id, true)
  await rig.clock.advance(1_000)
  const before = sentSamples(rig)
  expect(before).toBeGreaterThan(0)
  expect(rig.room.connection.pauses).toEqual([true])
  expect(rig.stt.sessions.map(({ finishDeadlineMs }) => finishDeadlineMs !== null)).toEqual([true])
  await rig.speak(ann, 2_000)
  // somebody comes and speaks meanwhile
  rig.room.connection.participant('bob', 'Bob')
  const bob = rig.room.connection.start('bob')
  await rig.speak(bob, 1_000)
  expect(sentSamples(rig)).toBe(before)
  await rig.store.setPaused(rig.meeting.id, false)
  await rig.clock.advance(200)
  expect(rig.room.connection.pauses).toEqual([true, false])
  await rig.speak(ann, 1_000)
  await rig.speak(bob, 1_000)
  await rig.clock.advance(1_000)
  expect(rig.stt.sessions).toHaveLength(2)
  expect(sentSamples(rig)).toBeGreaterThan(before)
  rig.stop.abort()
  await rig.end()
  const spans = await rig.store.spans(rig.meeting.id)
  // ann spoke to 1.0 s; the pause lasted from then to about 5 s
  expect(spans.filter(({ meetingMs, fromFrame, toFrame }) => meetingMs < 4_900 && meetingMs + (toFrame - fromFrame) / 16 > 1_300)).toEqual(
    [],
  )
  expect(new Set(spans.map(({ identity }) => identity))).toEqual(new Set(['ann', 'bob']))
  // whoever is not heard because nobody is to be heard is not missing
  expect((await rig.store.gaps(rig.meeting.id)).filter(({ fromMs }) => fromMs < 5_200)).toEqual([])
})

test('a meeting that is paused before its bot comes hears nobody until it is resumed', async () => {
  const rig = new BotRig()
  const { meeting } = await rig.store.create(requestFor('r'))
  await rig.store.setPaused(meeting.id, true)
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  const ann = rig.room.connection.start('ann')
  await rig.speak(ann, 1_000)
  expect(rig.stt.sessions).toEqual([])
  expect(rig.room.connection.pauses).toEqual([true])
  await rig.store.setPaused(meeting.id, false)
  await rig.clock.advance(100)
  await rig.speak(ann, 1_000)
  expect(rig.stt.sessions).toHaveLength(1)
  rig.stop.abort()
  await rig.end()
})
