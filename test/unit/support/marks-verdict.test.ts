import { describe, expect, test } from 'vitest'
import type { PlayEvent } from '../../../src/standins/actors/play-event.js'
import { marksVerdict, returnedMarks, type ReturnedMark, type SpokenMark } from '../../support/marks-verdict.js'
import { spokenMarks } from '../../support/spoken-marks.js'

const identityOf = (who: number) => `p${who}`
const spoken = (who: number, n: number, playMs = n * 200): SpokenMark => ({ who, n, playMs })
/** 40 ms later than it was spoken, as sound arrives */
const back = (who: number, n: number, change: Partial<ReturnedMark> = {}): ReturnedMark => ({
  who,
  n,
  identity: identityOf(who),
  sessionId: 's',
  channel: 0,
  startMs: n * 200 + 40,
  endMs: n * 200 + 192,
  ...change,
})

describe('what came back against what was spoken', () => {
  const two = [spoken(0, 5), spoken(0, 6), spoken(1, 6)]

  test('all of it, once, in its place, is no fault', () => {
    const verdict = marksVerdict(two, [], [back(0, 5), back(0, 6), back(1, 6)], identityOf)
    expect(verdict).toMatchObject({ expected: 3, returned: 3, wrong: [], doubled: [], missing: [], foreign: [], cut: [], clockMs: 40 })
    expect(verdict.positionErrorMs).toEqual([0, 0, 0])
  })

  test('another name, no name, twice, never, and unspoken are each told', () => {
    const returned = [back(0, 5, { identity: 'p1' }), back(0, 6, { identity: null }), back(0, 6), back(2, 9)]
    const verdict = marksVerdict(two, [], returned, identityOf)
    expect(verdict.wrong.map(({ identity }) => identity)).toEqual(['p1', null])
    expect(verdict.doubled).toEqual([back(0, 6)])
    expect(verdict.missing).toEqual([spoken(1, 6)])
    expect(verdict.foreign).toEqual([back(2, 9)])
  })

  test('a stated mark may come back or not, but not under another name', () => {
    expect(marksVerdict([], [spoken(0, 5)], [], identityOf)).toMatchObject({ missing: [], foreign: [] })
    expect(marksVerdict([], [spoken(0, 5)], [back(0, 5)], identityOf).foreign).toEqual([])
    expect(marksVerdict([], [spoken(0, 5)], [back(0, 5, { identity: 'p1' })], identityOf).wrong).toHaveLength(1)
  })

  test('a mark shorter than 140 ms is cut; a position is told against the median', () => {
    const cut = back(0, 6, { startMs: 1_340, endMs: 1_392 })
    const verdict = marksVerdict(two, [], [back(0, 5), cut, back(1, 6)], identityOf)
    expect(verdict.cut).toEqual([cut])
    expect(verdict.positionErrorMs).toEqual([0, 0, 100])
  })

  test('the two pieces of a mark that a stall tore are no double; a piece beside the whole, and pieces of more than one mark, are', () => {
    const piece = (lengthMs: number, atMs = 1_240) => back(0, 6, { startMs: atMs, endMs: atMs + lengthMs })
    const doubled = (...of: ReturnedMark[]) => marksVerdict(two, [], [back(0, 5), ...of, back(1, 6)], identityOf).doubled
    expect(doubled(piece(102), piece(42, 9_300))).toEqual([])
    expect(doubled(piece(100), piece(100, 9_300))).toEqual([piece(100, 9_300)])
    expect(doubled(piece(60), piece(60, 1_280))).toEqual([piece(60, 1_280)])
    expect(doubled(back(0, 6), piece(60, 9_300))).toEqual([piece(60, 9_300)])
  })

  test('a mark that a new session cut where a stall was is heard once; the same pieces apart, over each other, or in one session are two', () => {
    const first = back(0, 6, { startMs: 1_240, endMs: 1_358, sessionId: 'a' })
    const second = (fromMs: number, sessionId = 'b', toMs = fromMs + 110) => back(0, 6, { startMs: fromMs, endMs: toMs, sessionId })
    const doubled = (other: ReturnedMark) => marksVerdict(two, [], [back(0, 5), first, other, back(1, 6)], identityOf).doubled.length
    expect([1_358, 1_356, 1_361].map((fromMs) => doubled(second(fromMs)))).toEqual([0, 0, 0])
    expect([1_350, 1_366].map((fromMs) => doubled(second(fromMs)))).toEqual([1, 1])
    expect(doubled(second(1_358, 'a'))).toBe(1)
    expect(doubled(second(1_358, 'b', 1_358 + 145))).toBe(1)
  })

  test('an onset is the first mark after a second of silence, stated sound counting as sound', () => {
    const marks = [spoken(0, 0), spoken(0, 1), spoken(0, 7), spoken(0, 12), spoken(1, 20), spoken(1, 30)]
    const verdict = marksVerdict(marks, [spoken(1, 28)], [back(0, 0), back(0, 7), back(1, 20, { endMs: 4_100 })], identityOf)
    // 1/30 follows a stated mark, 0/12 follows 0.8 s of silence
    expect(verdict.onsets).toEqual({ count: 3, complete: 2, incomplete: [spoken(1, 20)] })
  })

  test('marks are read from the words of segments', () => {
    const words = [
      { text: 'w3n17', startMs: 10, endMs: 162 },
      { text: 'noise', startMs: 170, endMs: 180 },
    ]
    expect(returnedMarks([{ identity: 'p3', sessionId: 's', channel: 2, words }])).toEqual([
      { who: 3, n: 17, identity: 'p3', sessionId: 's', channel: 2, startMs: 10, endMs: 162 },
    ])
  })
})

describe("what the speakers' log says", () => {
  const cast = [{ identity: 'p0', name: 'P', who: 0, voice: 'rms' as const }]
  const mark = (n: number, monotonicMs: number, isHeard = true): PlayEvent => ({ kind: 'mark', who: 0, n, isHeard, monotonicMs })
  const step = (verb: string, startedMs: number, endedMs = startedMs): PlayEvent => ({
    kind: 'step',
    identity: 'p0',
    do: verb,
    name: 'P',
    startedMs,
    endedMs,
  })

  test('a mark handed over late moves those right behind it, not those after a pause', () => {
    const { spoken: marks } = spokenMarks([mark(0, 1_060), mark(1, 1_200), mark(2, 1_400), mark(9, 2_800)], cast)
    expect(marks.map(({ playMs }) => playMs)).toEqual([1_060, 1_260, 1_460, 2_800])
  })

  test('marks around a mute are stated, those into the closed microphone nothing at all', () => {
    const events = [
      mark(0, 1_000),
      mark(5, 2_000),
      step('mute', 2_070),
      mark(10, 3_000, false),
      step('unmute', 4_000),
      mark(15, 4_000),
      mark(20, 5_000),
    ]
    const { spoken: marks, stated } = spokenMarks(events, cast)
    expect(marks.map(({ n }) => n)).toEqual([0, 20])
    expect(stated.map(({ n }) => n)).toEqual([5, 15])
  })

  test('the first marks after a join are stated', () => {
    const { spoken: marks, stated } = spokenMarks([step('rejoin', 1_000, 1_400), mark(8, 1_600), mark(16, 3_200)], cast)
    expect(marks.map(({ n }) => n)).toEqual([16])
    expect(stated.map(({ n }) => n)).toEqual([8])
  })
})
