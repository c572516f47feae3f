import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MeetingId } from '../../../../src/core/ids.js'
import type { FakeSttSession } from '../../../support/fake-stt.js'
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

/** What `first` had not acknowledged, on the disk of `two`, which knows of no later session. */
const leave = (first: FakeSttSession, frames: number) => two.finds(id, first, first.acknowledgedFrames, frames, null)

/** `one` hears ann, of which a session acknowledges 2 s and dies after `ms` more; the rest is sent in another one, which acknowledges nothing yet. */
const repeating = async (ms: number, hasAllTexts: boolean) => {
  const job = one.attend(id)
  await rig.clock.settle()
  await rig.speak(one, 'ann', 2_000)
  const first = one.stt.last
  Object.assign(first, { autoAcknowledge: false, hasAllTexts })
  await rig.speak(one, 'ann', ms)
  one.stt.prepare = (session) => Object.assign(session, { autoAcknowledge: false, autoFinish: false })
  first.end('session_lost')
  await rig.clock.settle()
  return { job, first, second: one.stt.sessions.find(({ options }) => options.backlog !== undefined)! }
}

/**
 * `one` hears ann for 6 s, of which a session acknowledges 2 s and dies; the rest is sent in another one, which acknowledges `secondMs` of it.
 * Then `one` dies. @param isLeft the rest is found on its disk, under the name of the first one
 */
const dieAfterRepeating = async (secondMs: number, isLeft = false) => {
  const { first, second } = await repeating(4_000, false)
  second.acknowledge(secondMs * 16)
  if (secondMs > 0) second.emit({ channel: 0, startSec: 0.1, endSec: 0.5, text: 'twice', words: [word('twice', 0.1)] })
  await rig.clock.advance(6_000)
  const reached = first.acknowledgedFrames / 16_000
  two.stt.results = (of) => {
    const words = [word('once', reached - 0.5), word('twice', reached + 0.1)]
    if (isLeft) words.push(word('also', reached + 2))
    const told = { sessionId: of.sessionId, utteranceId: 'late', isFinal: true, channel: 0, language: 'en', confidence: 1 }
    const utterances = [{ ...told, startSec: reached - 0.5, endSec: words.at(-1)!.endSec, text: 'once twice', words }]
    const more = [{ ...told, startSec: 3, endSec: 3.4, text: 'thrice', words: [word('thrice', 3)] }]
    const found = of.sessionId === first.sessionId ? utterances : of.sessionId === second.sessionId && isLeft ? more : []
    return Promise.resolve({ utterances: found, isWhole: true })
  }
  if (isLeft) leave(first, second.sentFrames)
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

test('33 I2 audio whose disk was full when another session went on with it is sent from where that one had it, and told once', async () => {
  expect(await dieAfterRepeating(1_500, true)).toEqual([
    ['twice', 'ann'],
    ['once', 'ann'],
  ])
  const repeated = one.stt.sessions.find(({ options }) => options.backlog !== undefined)!
  const left = two.stt.sessions.find(({ options }) => options.backlog !== undefined)!
  // how far it had got is stored now and then; its last word is
  expect(left.sentFrames).toBe(repeated.sentFrames - 500 * 16)
})

test('33 I4 of what another session had of such audio, whose bot died after a handover, no more is known than of any: without its texts it is a gap', async () => {
  const { job, first, second } = await repeating(10_000, true)
  second.acknowledge(6_000 * 16)
  await rig.clock.advance(6_000)
  await rig.offer(one, job)
  leave(first, second.sentFrames)
  two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  await rig.clock.advance(150)
  one.silence()
  await rig.clock.advance(20_000)
  const left = two.stt.sessions.find(({ options }) => options.backlog !== undefined)!
  expect(left.sentFrames).toBe(second.sentFrames - 6_000 * 16)
  const [span] = (await rig.store.spans(id)).filter(({ sessionId }) => sessionId === second.sessionId)
  const gaps = (await rig.store.gaps(id)).filter(({ reason, fromMs }) => reason === 'taken_over' && fromMs < 12_000)
  expect(gaps.map(({ fromMs, toMs }) => [fromMs - span!.meetingMs, toMs - span!.meetingMs])).toEqual([[0, 6_000]])
})
