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
