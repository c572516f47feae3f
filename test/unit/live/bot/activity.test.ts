import { expect, test } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import type { Activity } from '../../../../src/live/audio/activity.js'
import { ActivityWatch } from '../../../../src/live/bot/activity-watch.js'
import { BotRig } from '../../../support/bot-rig.js'
import { FakeStt } from '../../../support/fake-stt.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { ScribeRig } from '../../../support/scribe-rig.js'

const of = (speaking: readonly string[], waiting: readonly string[] = []): Activity => ({
  speaking: speaking.map(asIdentity),
  waiting: waiting.map(asIdentity),
})
const NOBODY = of([])

/** A watch of what a test says goes on. */
function stage() {
  const clock = new ManualClock()
  const told: Activity[] = []
  const at = { now: NOBODY }
  const watch = new ActivityWatch({ clock, look: () => at.now, tell: (activity) => told.push(activity) })
  const look = async (now: Activity, ms = 250) => {
    await clock.advance(ms)
    at.now = now
    watch.look()
  }
  return { told, watch, look }
}

test('B10 a watch tells each change once, and nothing of an empty room', async () => {
  const { told, look } = stage()
  await look(NOBODY)
  expect(told).toEqual([])
  await look(of(['ann']))
  await look(of(['ann']))
  await look(of(['ann', 'bob'], ['bob']))
  await look(of(['ann', 'bob'], ['bob']))
  await look(of(['ann', 'bob']))
  await look(NOBODY)
  await look(NOBODY, 60_000)
  expect(told).toEqual([of(['ann']), of(['ann', 'bob'], ['bob']), of(['ann', 'bob']), NOBODY])
})

test('B10 a watch tells the same again every 3 s while anybody speaks or waits', async () => {
  const { told, look } = stage()
  for (let at = 0; at < 25; at++) await look(of([], ['ann']))
  expect(told).toEqual([of([], ['ann']), of([], ['ann']), of([], ['ann'])])
})

test('B10 a closed watch has told that nobody speaks, and tells nothing more until it is opened', async () => {
  const { told, watch, look } = stage()
  watch.close()
  expect(told).toEqual([])
  watch.open()
  await look(of(['ann']))
  watch.close()
  watch.close()
  await look(of(['ann', 'bob']), 60_000)
  expect(told).toEqual([of(['ann']), NOBODY])
  watch.open()
  await look(of(['ann']))
  expect(told.at(-1)).toEqual(of(['ann']))
})

test('B10 a scribe tells who speaks within 0.3 s, who waits for its channels, and at its end that nobody does', async () => {
  const rig = new ScribeRig(new FakeStt(), { channels: { max: 1, mode: 'fixed' } })
  for (const name of ['ann', 'bob']) rig.join(name)
  const say = (...loud: readonly string[]) => rig.block(new Map(['ann', 'bob'].map((name) => [name, loud.includes(name)])))
  await say()
  for (let at = 0; at < 6; at++) await say('ann')
  expect(rig.activity).toEqual([of(['ann'])])
  for (let at = 0; at < 14; at++) await say('ann', 'bob')
  expect(rig.activity.slice(1)).toEqual([of(['ann', 'bob']), of(['ann', 'bob'], ['bob'])])
  await rig.finish()
  expect(rig.activity.at(-1)).toEqual(NOBODY)
  expect(rig.clock.pending).toBe(0)
})

test('B10 a bot tells of nobody while its meeting is paused, and when a person mutes, leaves, or the meeting ends', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  const ann = rig.room.connection.start('ann')
  await rig.speak(ann, 1_000)
  expect(rig.activity).toEqual([of(['ann'])])
  await rig.store.setPaused(rig.meeting.id, true)
  await rig.clock.advance(100)
  expect(rig.activity).toEqual([of(['ann']), NOBODY])
  await rig.speak(ann, 2_000)
  expect(rig.activity).toHaveLength(2)
  await rig.store.setPaused(rig.meeting.id, false)
  await rig.clock.advance(100)
  await rig.speak(ann, 1_000)
  expect(rig.activity.at(-1)).toEqual(of(['ann']))
  rig.room.connection.stop('ann', 'muted')
  await rig.clock.advance(300)
  expect(rig.activity.at(-1)).toEqual(NOBODY)
  rig.room.connection.start('ann')
  await rig.speak(ann, 1_000)
  const before = rig.activity.length
  expect(rig.activity.at(-1)).toEqual(of(['ann']))
  rig.stop.abort()
  await rig.end()
  expect(rig.activity.slice(before)).toEqual([NOBODY])
})

test('B10 a bot whose claim is lost tells no more who speaks: another one does', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  const ann = rig.room.connection.start('ann')
  await rig.speak(ann, 1_000)
  expect(rig.activity).toEqual([of(['ann'])])
  await rig.store.claim(rig.meeting.id)
  // on and on: the next write of anything is refused
  for (let at = 0; rig.outcome === null && at < 10; at++) await rig.speak(ann, 1_000)
  await rig.end()
  expect(rig.outcome?.claimLost).toBe(true)
  expect(new Set(rig.activity.map(({ speaking }) => speaking.join()))).toEqual(new Set(['ann']))
})
