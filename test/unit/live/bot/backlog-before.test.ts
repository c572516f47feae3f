import { expect, test } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import { unsentFrom } from '../../../../src/live/bot/backlog-before.js'
import { Inheritance } from '../../../../src/live/bot/inheritance.js'
import type { SessionRecord } from '../../../../src/records/port.js'
import { spanOf } from '../../../support/records.js'

const S = newSessionId()
const IN_FLIGHT_MS = 20_000

const session = (channels: number, sessionId = S): SessionRecord => ({
  sessionId,
  vendorId: 'v',
  channels,
  sampleRate: 16_000,
  sentFrames: 0,
  acknowledgedFrames: 0,
  endReason: null,
})

/** A hold of a channel, seconds of the session; what is sent there was spoken `lateSec` before. */
const hold = (name: string, channel: number, fromSec: number, toSec: number, lateSec = 0, sessionId = S) => ({
  ...spanOf(sessionId, fromSec * 16_000, toSec * 16_000),
  channel,
  identity: asIdentity(name),
  meetingMs: (fromSec - lateSec) * 1000,
})

type Spans = Parameters<typeof unsentFrom>[0]
const unsent = (channels: number, spans: Spans, name: string) => unsentFrom(spans, [session(channels)], IN_FLIGHT_MS)(asIdentity(name))

test('28 who waited for the only channel may have waited for as long as others had had it, a ring at most', () => {
  const spans = [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 45), hold('ann', 0, 45.4, 60, 5)]
  expect(unsent(1, spans, 'cyd')).toBe(60_000 - 5_000 - 20_000 - 30_000)
  // he had it once: what he said since then
  expect(unsent(1, spans, 'bob')).toBe(45_000)
  // she has it, and is behind
  expect(unsent(1, spans, 'ann')).toBe(55_000)
})

test('28 with a channel free in between nobody had waited for longer than since then', () => {
  const spans = [hold('ann', 0, 0, 20), hold('bob', 0, 25, 60), hold('cyd', 1, 0, 60)]
  expect(unsent(2, spans, 'dan')).toBe(60_000 - 20_000 - 15_000)
})

test.each<[string, number, Spans]>([
  ['a channel was free', 2, [hold('ann', 0, 0, 60), hold('bob', 1, 0, 10), hold('cyd', 1, 11, 12)]],
  ['everybody who was heard has a channel', 2, [hold('ann', 0, 0, 60), hold('bob', 1, 0, 60)]],
  ['the channels were taken a moment ago', 1, [hold('bob', 0, 10, 20), hold('ann', 0, 42, 60)]],
  ['nothing was sent', 2, []],
])('28 nobody has waited when %s', (_, channels, spans) => {
  expect(unsent(channels, spans, 'dan')).toBeNull()
})

test('28 only the session that was sent last is asked, and one of which nothing was sent is none', () => {
  const [before, after] = [newSessionId(), newSessionId()]
  const spans = [hold('ann', 0, 0, 60, 0, before), hold('bob', 0, 0, 30, -60), hold('cyd', 0, 31, 32, -60)]
  const of = unsentFrom(spans, [session(1, before), session(1), session(2, after)], IN_FLIGHT_MS)
  expect(of(asIdentity('ann'))).toBe(92_000 - 20_000 - 12_000)
})

test('28 who waited may have done so in the session before, when this one was taken from its first moment on', () => {
  const [before, again] = [newSessionId(), newSessionId()]
  const spans = [hold('ann', 0, 0, 40, 0, before), hold('ann', 0, 0, 2, -38, again), hold('bob', 0, 0, 60, -40)]
  // what repeats audio was opened last, and is not what is sent
  const of = unsentFrom(spans, [session(1, before), session(1), session(1, again)], IN_FLIGHT_MS)
  expect(of(asIdentity('cyd'))).toBe(100_000 - 20_000 - 30_000)
})

test('28 of a session that is younger than what is on its way everything may wait, where channels are short', () => {
  const spans = [hold('ann', 0, 0, 5), hold('bob', 0, 6, 18)]
  expect(unsent(1, spans, 'cyd')).toBe(0)
  expect(unsent(1, spans, 'ann')).toBe(5_000)
  expect(unsent(2, spans, 'cyd')).toBeNull()
  // but for what waited in the session before
  const before = newSessionId()
  const rolled = [hold('ann', 0, 0, 120, 0, before), hold('ann', 0, 0, 15, -120)]
  const of = unsentFrom([...rolled, hold('bob', 0, 15.4, 16, -120)], [session(1, before), session(1)], IN_FLIGHT_MS)
  expect(of(asIdentity('cyd'))).toBe(136_000 - 20_000 - 30_000)
})

test('28 the newest session counts whose record is stored: of one after it there may be spans alone', () => {
  const later = newSessionId()
  const spans = [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 60)]
  const untold = { ...hold('bob', 0, 0, 0.05, 0, later), meetingMs: 60_000 }
  expect(unsent(1, [...spans, untold], 'cyd')).toBe(unsent(1, spans, 'cyd')! + 50)
})

test('28 who left without a sound was silent, unless they may have waited for a channel until the end', () => {
  const left = (spans: Spans) => ({ people: [], segments: [], spans, sessions: [session(1)] })
  const isSilent = (leftMs: number, spans: Spans) =>
    new Inheritance(left(spans), { silentMs: 2_000, isReleased: false }, 62_000).isKnownSilent(asIdentity('cyd'), leftMs)
  const shared = [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 60)]
  expect([isSilent(26_000, shared), isSilent(28_000, shared)]).toEqual([true, false])
  const alone = [hold('ann', 0, 0, 60)]
  expect([isSilent(56_000, alone), isSilent(58_000, alone)]).toEqual([true, false])
  expect(isSilent(1_000, [...alone, hold('cyd', 0, 0, 0.5)])).toBe(false)
})

test('28 the gap of who waited begins with what they had not got rid of, not with what is on its way as a rule', () => {
  const left = { people: [], segments: [], spans: [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 60)], sessions: [session(1)] }
  const from = (name: string, isReleased = false) =>
    new Inheritance(left, { silentMs: 2_000, isReleased }, 62_000).unheardFrom(asIdentity(name), 62_000)
  expect([from('ann'), from('bob'), from('cyd')]).toEqual([20_000, 40_000, 10_000])
  expect(from('ann', true)).toBe(62_000)
})

test('28 after a long silence nobody has waited for longer than a ring holds', () => {
  const left = { people: [], segments: [], spans: [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 60)], sessions: [session(1)] }
  const inheritance = new Inheritance(left, { silentMs: 2_000, isReleased: false }, 1_862_000)
  for (const name of ['ann', 'bob', 'cyd'])
    expect(inheritance.unheardFrom(asIdentity(name), 1_862_000)).toBeGreaterThanOrEqual(1_860_000 - IN_FLIGHT_MS - 30_000)
})

test('28 who was heard after they left had come back, although the store does not know of it yet', () => {
  const person = (name: string, leftMs: number) => ({ identity: asIdentity(name), name, joinedMs: 0, leftMs })
  const people = [person('ann', 20_100), person('bob', 60_000), person('cyd', 30_000)]
  const spans = [hold('ann', 0, 0, 20), hold('bob', 0, 20.4, 60), hold('cyd', 1, 0, 10), hold('cyd', 1, 32, 58)]
  const inheritance = new Inheritance(
    { people, segments: [], spans, sessions: [session(2)] },
    { silentMs: null, isReleased: false },
    62_000,
  )
  expect([...inheritance.present]).toEqual(['cyd'])
  expect(inheritance.people.map(({ leftMs }) => leftMs)).toEqual([20_100, 60_000, null])
})
