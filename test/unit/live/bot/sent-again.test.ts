import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MeetingId } from '../../../../src/core/ids.js'
import { AttendanceRig, type AttendanceProcess } from '../../../support/attendance-rig.js'

let rig: AttendanceRig
let one: AttendanceProcess
let two: AttendanceProcess
let id: MeetingId

beforeEach(async () => {
  rig = new AttendanceRig()
  one = rig.process('one')
  two = rig.process('two')
  id = await rig.meeting()
})
afterEach(() => rig.end())

const word = (text: string, startSec: number) => ({ text, startSec, endSec: startSec + 0.4, confidence: 1 })

/** `one` hears ann for 6 s, of which a session acknowledges 2 s and dies; the rest is sent in another one, which acknowledges `secondMs` of it. Then `one` dies. */
const dieAfterRepeating = async (secondMs: number) => {
  one.attend(id)
  await rig.clock.settle()
  await rig.speak(one, 'ann', 2_000)
  const first = one.stt.last
  Object.assign(first, { autoAcknowledge: false, hasAllTexts: false })
  await rig.speak(one, 'ann', 4_000)
  one.stt.prepare = (session) => Object.assign(session, { autoAcknowledge: false, autoFinish: false })
  first.end('session_lost')
  await rig.clock.settle()
  const second = one.stt.sessions.find(({ options }) => options.backlog !== undefined)!
  second.acknowledge(secondMs * 16)
  if (secondMs > 0) second.emit({ channel: 0, startSec: 0.1, endSec: 0.5, text: 'twice', words: [word('twice', 0.1)] })
  await rig.clock.advance(6_000)
  const reached = first.acknowledgedFrames / 16_000
  two.stt.results = (of) => {
    const words = [word('once', reached - 0.5), word('twice', reached + 0.1)]
    const told = { sessionId: of.sessionId, utteranceId: 'late', isFinal: true, channel: 0, language: 'en', confidence: 1 }
    const utterances = [{ ...told, startSec: reached - 0.5, endSec: reached + 0.5, text: 'once twice', words }]
    return Promise.resolve({ utterances: of.sessionId === first.sessionId ? utterances : [], isWhole: true })
  }
  one.silence()
  two.attend(id)
  await rig.clock.advance(12_000)
  return (await rig.store.segments(id)).flatMap(({ words: all, identity }) => all.map(({ text }) => [text, identity]))
}

test('28 I2 what a dead bot had sent again itself is not taken from the result of the session that it was sent in first', async () => {
  expect(await dieAfterRepeating(4_000)).toEqual([
    ['twice', 'ann'],
    ['once', 'ann'],
  ])
})

test('28 I1 what it had sent again, and the service never had that way, is taken from where it was sent first', async () => {
  expect(await dieAfterRepeating(0)).toEqual([
    ['once', 'ann'],
    ['twice', 'ann'],
  ])
})
