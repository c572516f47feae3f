import { describe, expect, it } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import { PendingTexts, stillPending } from '../../../../src/live/bot/pending-texts.js'
import { unreturned, type Bequest } from '../../../../src/live/bot/unreturned.js'
import { segmentOf, sessionWith, spanOf } from '../../../support/records.js'

const S = newSessionId()
const ANN = asIdentity('ann')
const piece = (fromMs: number, toMs: number, identity = ANN) => ({ identity, fromMs, toMs })
const text = (startMs: number, endMs: number, identity = ANN) => ({ ...segmentOf(S, startMs), identity, startMs, endMs })

describe('voice whose text may come at the end of its session only', () => {
  it.each([
    ['has no text at all', [], [piece(1000, 3000)]],
    ['has its text, but for the edges of words', [text(1200, 2800)], []],
    ['has text of its beginning', [text(1000, 1500)], [piece(2300, 3000)]],
    ['has text on both sides', [text(0, 900), text(3100, 4000)], [piece(1700, 2850)]],
    ['goes on after its text as a detector does', [text(1100, 2250)], []],
    ['has text of somebody else', [text(1000, 3000, asIdentity('bob'))], [piece(1000, 3000)]],
    ['has text that is too far away to be of it', [text(4000, 5000)], [piece(1000, 3000)]],
  ])('when it %s', (_, texts, left) => {
    expect(stillPending([piece(1000, 3000)], texts)).toEqual(left)
  })

  it('is kept of each session until its text is there, and a moment once', () => {
    const pending = new PendingTexts()
    pending.add(S, ANN, [[0, 1000]])
    pending.add(S, ANN, [
      [500, 2000],
      [4000, 5000],
    ])
    pending.add(newSessionId(), ANN, [[9000, 9500]])
    expect(pending.of(S, [])).toEqual([piece(0, 2000), piece(4000, 5000)])
    expect(pending.of(S, [text(0, 2000)])).toEqual([piece(4000, 5000)])
    // what had its text once does not wait again
    expect(pending.of(S, [])).toEqual([piece(4000, 5000)])
    expect(pending.of(S, [text(4000, 5000)])).toEqual([])
  })

  it('of very many pieces is that with the nearest of a person taken as one, and none is forgotten', () => {
    const pending = new PendingTexts()
    for (let at = 0; at < 150; at++) pending.add(S, ANN, [[at * 1000, at * 1000 + (at === 7 ? 900 : 500)]])
    for (let at = 0; at < 51; at++) pending.add(S, asIdentity('bob'), [[at * 1000, at * 1000 + 500]])
    const kept = pending.of(S, [])
    expect(kept).toHaveLength(200)
    expect(kept.slice(6, 9)).toEqual([piece(6_000, 6_500), piece(7_000, 8_500), piece(9_000, 9_500)])
    expect([kept.at(148), kept.at(149), kept.at(199)]).toEqual([
      piece(149_000, 149_500),
      piece(0, 500, asIdentity('bob')),
      piece(50_000, 50_500, asIdentity('bob')),
    ])
  })

  describe('and whose bot died', () => {
    const bequest = (more: Partial<Bequest> = {}): Bequest => ({
      spans: [{ ...spanOf(S, 0, 60 * 16_000), identity: ANN, meetingMs: 0 }],
      sessions: [{ ...sessionWith(S, 60 * 16_000), pendingTexts: [piece(10_000, 12_000)] }],
      segments: [text(50_000, 60_000)],
      gaps: [],
      adopted: [],
      hasTexts: () => false,
      left: [],
      ...more,
    })

    it('3 28 is a gap, although later texts of the session came', () => {
      expect(unreturned(bequest())).toEqual([{ ...piece(10_000, 12_000), reason: 'taken_over' }])
    })

    it('3 28 of two sessions is a gap each, in whatever order they were stored', () => {
      const other = newSessionId()
      const sessions = [
        { ...sessionWith(S, 60 * 16_000), pendingTexts: [piece(10_000, 12_000)] },
        { ...sessionWith(other, 60 * 16_000), pendingTexts: [piece(4_000, 5_000)] },
      ]
      for (const stored of [sessions, sessions.toReversed()])
        expect(unreturned(bequest({ sessions: stored })).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
          [4_000, 5_000],
          [10_000, 12_000],
        ])
    })

    it('3 28 is a gap also when a text of hers came on another channel since: those of one channel come in order', () => {
      const on = (channel: number, fromSec: number, toSec: number) => {
        return { ...spanOf(S, fromSec * 16_000, toSec * 16_000), channel, identity: ANN, meetingMs: fromSec * 1000 }
      }
      const spans = [on(0, 22, 30), on(1, 32, 40)]
      const segments = [{ ...text(32_000, 40_000), channel: 1 }]
      const gaps = unreturned(bequest({ spans, segments, sessions: [sessionWith(S, 40 * 16_000)] }))
      expect(gaps).toEqual([{ ...piece(22_000, 30_000), reason: 'taken_over' }])
    })

    it.each<[string, Partial<Bequest>]>([
      ['the result of the session was to be had', { hasTexts: () => true }],
      [
        'the session ended well',
        { sessions: [{ ...sessionWith(S, 60 * 16_000), endReason: 'done', pendingTexts: [piece(10_000, 12_000)] }] },
      ],
      ['its text came before the bot died', { segments: [text(10_000, 12_000), text(50_000, 60_000)] }],
      ['it is a gap already', { gaps: [{ ...piece(9_000, 13_000), reason: 'session_lost' }] }],
    ])('is none when %s', (_, more) => {
      expect(unreturned(bequest(more))).toEqual([])
    })
  })
})
