import { expect, test } from 'vitest'
import {
  atOnce,
  crowd,
  excerpt,
  loadMeetings,
  meetingOf,
  parseRttm,
  spread,
  synthetic,
  turnsFolder,
  type Meeting,
} from '../../support/turns.js'

const line = (speaker: string, startSec: number, sec: number) => `SPEAKER m 1 ${startSec} ${sec} <NA> <NA> ${speaker} <NA> <NA>`
const speechMs = (meeting: Meeting) => meeting.turns.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
const four = (id: string, sec = 60) =>
  meetingOf('x', id, parseRttm(['a', 'b', 'c', 'd'].flatMap((who, at) => [line(who, at, 3), line(who, sec - 4 + at, 1)]).join('\n')))

test('RTTM times are read in ms, and lines of other kinds are passed over', () => {
  const text = ['SPKR-INFO m 1 <NA> <NA> <NA> unknown a <NA> <NA>', line('a', 1.5, 0.25), '', line('b', 0.001, 2)].join('\r\n')
  expect(parseRttm(text)).toEqual([
    { speaker: 'a', fromMs: 1500, toMs: 1750 },
    { speaker: 'b', fromMs: 1, toMs: 2001 },
  ])
})

test('a turn without a time is an error, and one without length is none', () => {
  expect(() => parseRttm('SPEAKER m 1 x 1 <NA> <NA> a <NA> <NA>')).toThrow('RTTM')
  expect(parseRttm(line('a', 1, 0))).toEqual([])
})

test('overlapping and touching turns of one speaker become one, those of others stay', () => {
  const meeting = meetingOf('x', 'm', parseRttm([line('a', 4, 1), line('a', 1, 2), line('b', 2, 5), line('a', 2, 2)].join('\n')))
  expect(meeting.turns).toEqual([
    { speaker: 'a', fromMs: 1000, toMs: 5000 },
    { speaker: 'b', fromMs: 2000, toMs: 7000 },
  ])
  expect(meeting).toMatchObject({ people: ['a', 'b'], endMs: 7000 })
})

test('an excerpt cuts at its edges and keeps people who say nothing in it', () => {
  const part = excerpt(four('m'), 2000, 4000)
  expect(part.people).toEqual(['a', 'b', 'c', 'd'])
  expect(part).toMatchObject({ endMs: 2000 })
  expect(part.turns.map(({ speaker, fromMs, toMs }) => [speaker, fromMs, toMs])).toEqual([
    ['a', 0, 1000],
    ['b', 0, 2000],
    ['c', 0, 2000],
    ['d', 1000, 2000],
  ])
})

test.each([1, 7, 8, 10, 12])('a crowd of %i has exactly so many people and loses no talk of its meetings', (people) => {
  const merged = crowd([four('m'), four('n'), four('o')], people, 3)
  expect(merged.people).toHaveLength(people)
  expect(merged.endMs).toBe(60_000)
  // whoever shares a name may say two things at once, which is said once then
  const whole = Math.ceil(people / 4) * speechMs(four('m'))
  expect(speechMs(merged)).toBeLessThanOrEqual(whole)
  expect(speechMs(merged)).toBeGreaterThan(people % 4 === 0 ? whole - 1 : 0.6 * whole)
})

test('the longer meetings of a crowd give a stretch as long as the shortest', () => {
  const merged = crowd([four('m', 60), four('n', 600)], 8, 1)
  expect(merged.endMs).toBe(60_000)
  expect(merged.turns.every(({ toMs }) => toMs <= 60_000)).toBe(true)
})

test('a crowd that the meetings cannot fill is an error', () => {
  expect(() => crowd([four('m')], 5, 1)).toThrow('5 people')
})

test('a seed gives the same crowd again, and another seed another one', () => {
  const meetings = [four('m', 60), four('n', 300), four('o', 500)]
  expect(crowd(meetings, 8, 5)).toEqual(crowd(meetings, 8, 5))
  expect([1, 2, 3, 4].some((seed) => JSON.stringify(crowd(meetings, 8, seed).turns) !== JSON.stringify(crowd(meetings, 8, 5).turns))).toBe(
    true,
  )
})

test.each([2, 4, 9, 30])('spread over %i people, all turns are taken by the pools of their speakers in rotation', (people) => {
  const meeting = synthetic(4, 11, 600_000)
  const all = spread(meeting, people)
  expect(all.people).toHaveLength(people)
  expect(new Set(all.turns.map(({ speaker }) => speaker)).size).toBe(people)
  if (people >= 4) {
    expect(all.turns.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual(meeting.turns.map(({ fromMs, toMs }) => [fromMs, toMs]))
    expect(all.turns.every((turn, at) => turn.speaker.startsWith(`${meeting.turns[at]?.speaker ?? '?'}.`))).toBe(true)
  }
})

test('a synthetic meeting repeats with its seed, and speaks as often alone and over each other as AMI does', () => {
  expect(synthetic(8, 2)).toEqual(synthetic(8, 2))
  expect(synthetic(8, 2).turns).not.toEqual(synthetic(8, 3).turns)
  const [nobody = 0, one = 0, two = 0, three = 0] = atOnce(synthetic(8, 4, 7_200_000))
  // AMI: 0.15, 0.71, 0.12, 0.01
  expect(nobody).toBeGreaterThan(0.1)
  expect(nobody).toBeLessThan(0.22)
  expect(one).toBeGreaterThan(0.55)
  expect(two).toBeGreaterThan(0.08)
  expect(two).toBeLessThan(0.24)
  expect(three).toBeLessThan(0.08)
})

test('nobody speaks twice at once in a synthetic meeting', () => {
  const meeting = synthetic(6, 9, 900_000)
  for (const speaker of meeting.people) {
    const own = meeting.turns.filter((turn) => turn.speaker === speaker)
    expect(own.every((turn, at) => turn.fromMs < turn.toMs && turn.fromMs > (own[at - 1]?.toMs ?? -1))).toBe(true)
  }
})

test('the real meetings are whole where they are there, and their absence is an empty list', () => {
  const meetings = loadMeetings()
  expect(meetings).toHaveLength(turnsFolder() === null ? 0 : 149)
  for (const { people, turns, endMs } of meetings) expect(people.length * turns.length * endMs).toBeGreaterThan(0)
})
