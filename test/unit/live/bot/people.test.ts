import { describe, expect, it } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { People } from '../../../../src/live/bot/people.js'
import { loadTranscript } from '../../../../src/app/transcripts.js'
import { renderTranscript } from '../../../../src/live/transcript/render/render.js'
import { BotRig } from '../../../support/bot-rig.js'

const [ann, bob] = [asIdentity('ann'), asIdentity('bob')]

describe('people', () => {
  it('a rejoin keeps the first join, takes the new name and clears the leave', () => {
    const people = new People()
    people.joined(ann, 'Ann', 1_000)
    people.left(ann, 5_000)
    expect(people.present).toBe(0)
    people.joined(ann, 'Ann at home', 9_000)
    expect(people.present).toBe(1)
    expect(people.records()).toEqual([{ identity: 'ann', name: 'Ann at home', joinedMs: 1_000, leftMs: null }])
  })

  it('a rename counts after a leave too, and makes nobody of somebody unknown', () => {
    const people = new People()
    people.joined(ann, 'Ann', 0)
    people.left(ann, 10)
    people.renamed(ann, 'Anna')
    people.renamed(bob, 'Bob')
    expect(people.name(ann)).toBe('Anna')
    expect(people.name(bob)).toBe('bob')
    expect([...people.names()]).toEqual([['ann', 'Anna']])
  })

  it('when the connection is gone everybody who is there leaves, those who left before keep their time', () => {
    const people = new People()
    people.joined(ann, 'Ann', 100)
    people.joined(bob, 'Bob', 200)
    people.left(ann, 300.4)
    people.allLeft(50)
    expect(people.records().map(({ leftMs }) => leftMs)).toEqual([300, 200])
  })
})

describe('names', () => {
  it('live text has the name of the moment, the transcript the last one, whoever was renamed between speech and text', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('ann', 'Ann')
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 2_000)
    const said = (text: string, startSec: number) => rig.stt.last.emit({ channel: 0, text, startSec, endSec: startSec + 0.3 })
    said('before', 0.1)
    await rig.clock.settle()
    rig.room.connection.rename('ann', 'Dr. Ann')
    said('spoken as Ann', 0.6)
    await rig.clock.settle()
    rig.room.connection.leave('ann')
    rig.room.connection.participant('ann', 'Ann again')
    said('spoken before she left', 1.1)
    await rig.clock.settle()
    expect(rig.named).toEqual(['Ann', 'Dr. Ann', 'Ann again'])
    rig.room.connection.rename('ann', 'Ann Apple')
    rig.stop.abort()
    await rig.end()
    const document = await loadTranscript(rig.store, rig.meeting.id)
    expect(document.segments.map(({ name, identity }) => [name, identity])).toEqual(Array.from({ length: 3 }, () => ['Ann Apple', 'ann']))
    expect(document.coverage.map(({ name }) => name)).toEqual(['Ann Apple'])
  })

  it('two people of one name are two in the store, and told apart in what is read', async () => {
    const rig = new BotRig()
    await rig.start()
    for (const identity of ['a', 'b']) {
      rig.room.connection.participant(identity, 'Alex')
      await rig.speak(rig.room.connection.start(identity), 1_000)
    }
    // spans are durable by then
    await rig.clock.advance(6_000)
    const spans = await rig.store.spans(rig.meeting.id)
    expect(spans.map(({ identity }) => identity)).toEqual(['a', 'b'])
    for (const { identity, channel, fromFrame } of spans) {
      rig.stt.last.emit({ channel, text: `I am ${identity}`, startSec: fromFrame / 16_000 + 0.2, endSec: fromFrame / 16_000 + 0.6 })
    }
    rig.stop.abort()
    await rig.end()
    const document = await loadTranscript(rig.store, rig.meeting.id)
    expect(document.segments.map(({ identity, name, text }) => [identity, name, text])).toEqual([
      ['a', 'Alex', 'I am a'],
      ['b', 'Alex', 'I am b'],
    ])
    const text = renderTranscript(document, 'txt')
    expect(text).toMatch(/Alex: I am a[\s\S]*Alex \(2\): I am b/)
  })
})
