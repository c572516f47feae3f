import { expect, test } from 'vitest'
import { asIdentity, asSegmentId, newSessionId } from '../../../src/core/ids.js'
import type { Gap } from '../../../src/live/audio/span.js'
import { identityOf } from '../../support/eight-people.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'

const sessionId = newSessionId()
const identity = asIdentity(identityOf(0))
/** A mark that came back between two times. */
const segment = (n: number, startMs: number, endMs: number) => ({
  id: asSegmentId(`s${n}-${startMs}`),
  identity,
  startMs,
  endMs,
  text: `w0n${n}`,
  words: [{ text: `w0n${n}`, startMs, endMs, confidence: 1 }],
  language: 'en',
  confidence: 1,
  sessionId,
  channel: 0,
  utteranceId: `u${startMs}`,
  part: 0,
})
const gap: Gap = { identity, fromMs: 900, toMs: 9_100, reason: 'not_received' }

test('a mark in whose midst the media stood still is twice in two pieces; whole and a piece, or without a gap between, it is double', () => {
  const script = steadyTalk(20)
  const doubled = (gaps: readonly Gap[], ...times: [number, number][]) =>
    talkVerdict(
      script,
      [],
      times.map(([from, to]) => segment(5, from, to)),
      gaps,
      20_000,
    ).doubled.length
  expect(doubled([gap], [1_000, 1_023], [9_000, 9_197])).toBe(0)
  expect(doubled([gap], [1_000, 1_046], [9_000, 9_131])).toBe(0)
  // a bot's jitter buffer went on with what it had of it (soak, seed 23)
  expect(doubled([gap], [1_000, 1_145], [9_000, 9_065])).toBe(0)
  expect(doubled([], [1_000, 1_023], [9_000, 9_197])).toBe(1)
  expect(doubled([gap], [1_000, 1_152], [9_000, 9_197])).toBe(1)
  expect(doubled([{ ...gap, fromMs: 3_000 }], [1_000, 1_023], [9_000, 9_197])).toBe(1)
})

test('a mark that did not come back was in a gap of its speaker as far as its kind of gap tells where the loss was, else it is lost', () => {
  const script = steadyTalk(20)
  const spoken = [0, 1, 2].map((n) => ({ kind: 'mark' as const, who: 0, n, isHeard: true, monotonicMs: 1_000 + 200 * n }))
  const lost = (gap: Gap) => talkVerdict(script, spoken, [segment(0, 1_000, 1_152)], [gap], 20_000).lost.map(({ n }) => n)
  // a bot that stood still (soak, seed 24): its library had kept the last seconds, which took the place of what was lost
  expect(lost({ ...gap, fromMs: 3_600 })).toEqual([])
  expect(lost({ ...gap, fromMs: 3_700 })).toEqual([1])
  expect(lost({ ...gap, fromMs: 1_700, reason: 'taken_over' })).toEqual([1])
  expect(lost({ ...gap, identity: asIdentity(identityOf(1)) })).toEqual([1, 2])
})

test('what was under way when the meeting was ended is not lost: so late as the last that came of that person', () => {
  const script = steadyTalk(20)
  const spoken = Array.from({ length: 10 }, (_, n) => ({ kind: 'mark' as const, who: 0, n, isHeard: true, monotonicMs: 1_000 + 200 * n }))
  const lost = (back: readonly number[], lateMs: number) => {
    const segments = back.map((n) => segment(n, 1_000 + 200 * n + (n < 5 ? 0 : lateMs), 1_152 + 200 * n + (n < 5 ? 0 : lateMs)))
    return talkVerdict(script, spoken, segments, [], 2_900).lost.map(({ n }) => n)
  }
  // the media server stood still before (soak, seed 33): of somebody who came 1.5 s late the last four marks were not there yet
  expect(lost([0, 1, 2, 3, 4, 5, 6], 700)).toEqual([])
  expect(lost([0, 1, 2, 3, 4, 5, 6], 400)).toEqual([7])
  expect(lost([0, 1, 2, 3, 4, 6, 7], 700)).toEqual([5])
  expect(lost([0, 1, 2, 3, 4], 700)).toEqual([5, 6, 7, 8, 9])
})
