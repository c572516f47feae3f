import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asIdentity, asSessionId } from '../../../../src/core/ids.js'
import type { AudioCounters } from '../../../../src/live/audio/ledger.js'
import type { GapReason } from '../../../../src/live/audio/span.js'
import { coverage, totalOf, type CoverageSources } from '../../../../src/live/transcript/coverage.js'
import type { CoverageTotal } from '../../../../src/live/transcript/segment.js'
import { SESSION, segment, span } from './fixtures.js'

const ann = asIdentity('ann')

function counters(change: Partial<AudioCounters> = {}): AudioCounters {
  return {
    identity: ann,
    heardMs: 2000,
    sentVoiceMs: 2000,
    sentMs: 10_000,
    lostVoiceMs: 0,
    waitingVoiceMs: 0,
    waits: { count: 0, totalMs: 0, maxMs: 0 },
    presentMs: 10_000,
    isNoisy: false,
    voicedRuns: [{ sessionId: SESSION, fromFrame: 16_000, toFrame: 3 * 16_000 }],
    ...change,
  }
}

function sources(change: Partial<CoverageSources> = {}): CoverageSources {
  return {
    counters: [counters()],
    spans: [span('ann', 0, 0, 10, 0)],
    sessions: [{ sessionId: SESSION, acknowledgedFrames: 160_000, endReason: 'done' }],
    segments: [segment({ startMs: 1000, endMs: 2000 }), segment({ startMs: 1500, endMs: 3200, part: 1 })],
    gaps: [],
    names: new Map([[ann, 'Ann Lee']]),
    ...change,
  }
}

/** What anybody can check who has nothing but the numbers. */
function expectBalance(total: CoverageTotal): void {
  expect(total.sentSpeechMs + total.lostMs + total.waitingMs + total.unaccountedMs).toBe(total.speechMs)
  expect(Object.values(total.lostBy).reduce((sum, ms) => sum + ms, 0)).toBe(total.lostMs)
  for (const ms of [total.speechMs, total.sentSpeechMs, total.lostMs, total.waitingMs, total.acknowledgedSpeechMs, total.unaccountedMs]) {
    expect(Number.isInteger(ms)).toBe(true)
  }
  expect(total.sentSpeechMs).toBeGreaterThanOrEqual(0)
  expect(total.acknowledgedSpeechMs).toBeLessThanOrEqual(total.sentSpeechMs)
}

describe('coverage', () => {
  test('a meeting without loss is complete, and its row says how much was heard, sent, acknowledged and returned', () => {
    expect(coverage(sources())).toEqual({
      complete: true,
      doubts: [],
      rows: [
        {
          identity: 'ann',
          name: 'Ann Lee',
          speechMs: 2000,
          sentMs: 10_000,
          sentSpeechMs: 2000,
          acknowledgedMs: 10_000,
          acknowledgedSpeechMs: 2000,
          // text that is longer than the voice under it
          returnedMs: 2200,
          returnedSpeechMs: 2000,
          lostMs: 0,
          lostBy: {},
          waitingMs: 0,
          unaccountedMs: 0,
          unheardMs: 0,
          presentMs: 10_000,
          waits: { count: 0, totalMs: 0, maxMs: 0 },
          noisy: false,
          gaps: [],
        },
      ],
    })
    expect(coverage(sources({ counters: [], spans: [], sessions: [], segments: [] }))).toEqual({ complete: true, doubts: [], rows: [] })
  })

  test('returned speech is the voice that text lies over, placed by the spans', () => {
    // frames 1 s to 3 s of the session were spoken 60 s later in the meeting
    const later = { spans: [span('ann', 0, 0, 10, 60_000)], segments: [segment({ startMs: 61_500, endMs: 62_000 })] }
    expect(coverage(sources(later)).rows[0]).toMatchObject({ returnedMs: 500, returnedSpeechMs: 500 })
    const beside = { segments: [segment({ startMs: 5000, endMs: 6000 })] }
    expect(coverage(sources(beside)).rows[0]).toMatchObject({ returnedMs: 1000, returnedSpeechMs: 0 })
  })

  test('unacknowledged silence is no matter, unacknowledged voice is', () => {
    const at = (acknowledgedFrames: number, endReason: string | null) =>
      coverage(sources({ sessions: [{ sessionId: SESSION, acknowledgedFrames, endReason }] }))
    expect(at(3 * 16_000, 'done').complete).toBe(true)
    expect(at(3 * 16_000 - 1, 'done')).toMatchObject({ complete: false, doubts: ['unacknowledged'] })
    expect(at(3 * 16_000 - 1, 'done').rows[0]).toMatchObject({ sentSpeechMs: 2000, acknowledgedSpeechMs: 1999, lostMs: 0 })
    expect(at(160_000, null)).toMatchObject({ complete: false, doubts: ['session'] })
    expect(at(160_000, 'drain_timeout')).toMatchObject({ complete: false, doubts: ['session'] })
    expect(coverage(sources({ sessions: [] })).complete).toBe(false)
  })

  test('what a session that ended badly had not acknowledged is lost, with a gap where it was spoken', () => {
    const dead = { sessionId: SESSION, acknowledgedFrames: 2 * 16_000, endReason: 'session_lost' }
    const { rows, doubts } = coverage(sources({ sessions: [dead] }))
    expect(rows[0]).toMatchObject({ acknowledgedMs: 2000, sentSpeechMs: 1000, lostMs: 1000, lostBy: { session_lost: 1000 } })
    expect(rows[0]!.gaps).toEqual([{ identity: ann, fromMs: 2000, toMs: 3000, reason: 'session_lost' }])
    expect(doubts).toEqual(expect.arrayContaining(['lost', 'session']))
  })

  test('frames that never reached the service are lost as far as they were voice, once, by the first reason told', () => {
    const session = { sessionId: SESSION, acknowledgedFrames: 160_000, endReason: 'done' }
    const lost = [
      { fromFrame: 0, toFrame: 1.5 * 16_000, reason: 'buffer_full' },
      { fromFrame: 16_000, toFrame: 2 * 16_000, reason: 'drain_timeout' },
    ] as const
    const { rows, complete } = coverage(sources({ sessions: [{ ...session, lost }] }))
    expect(complete).toBe(false)
    expect(rows[0]).toMatchObject({ lostMs: 1000, lostBy: { buffer_full: 500, drain_timeout: 500 }, acknowledgedMs: 8000 })
    const silence = [{ fromFrame: 0, toFrame: 16_000, reason: 'buffer_full' }] as const
    const silent = coverage(sources({ sessions: [{ ...session, lost: silence }] }))
    expect([silent.complete, silent.rows[0]!.lostMs, silent.rows[0]!.gaps]).toEqual([true, 0, []])
  })

  test('a loss of one frame is 1 ms, never 0, and the sum still holds', () => {
    const lost = [{ fromFrame: 20_000, toFrame: 20_001, reason: 'buffer_full' }] as const
    const { rows } = coverage(sources({ sessions: [{ sessionId: SESSION, acknowledgedFrames: 160_000, endReason: 'done', lost }] }))
    expect(rows[0]).toMatchObject({ speechMs: 2000, sentSpeechMs: 1999, lostMs: 1, lostBy: { buffer_full: 1 } })
  })

  test('loss in the audio plane, voice that waits and gaps each make it incomplete', () => {
    const full = { gaps: [{ identity: ann, fromMs: 0, toMs: 50, reason: 'ring_full' }] as const }
    expect(coverage(sources({ ...full, counters: [counters({ lostVoiceMs: 50, heardMs: 2050 })] }))).toMatchObject({
      complete: false,
      doubts: ['lost', 'gaps'],
      rows: [{ speechMs: 2050, lostMs: 50, lostBy: { ring_full: 50 } }],
    })
    expect(coverage(sources({ counters: [counters({ heardMs: 2050, waitingVoiceMs: 50 })] }))).toMatchObject({
      doubts: ['waiting'],
      rows: [{ speechMs: 2050, waitingMs: 50 }],
    })
    const gaps = [
      { identity: ann, fromMs: 9000, toMs: 9050, reason: 'reconnecting' },
      { identity: ann, fromMs: 7000, toMs: 7020, reason: 'over_capacity' },
    ] as const
    const { rows, doubts } = coverage(sources({ gaps }))
    expect(doubts).toEqual(['gaps'])
    expect(rows[0]!.gaps).toEqual([gaps[1], gaps[0]])
    expect(rows[0]).toMatchObject({ lostMs: 0, unheardMs: 70 })
  })

  test('loss in the audio plane for several reasons is shared by the length of their gaps', () => {
    const gaps = [
      { identity: ann, fromMs: 0, toMs: 300, reason: 'ring_full' },
      { identity: ann, fromMs: 400, toMs: 500, reason: 'no_channel' },
    ] as const
    const [row] = coverage(sources({ gaps, counters: [counters({ lostVoiceMs: 150, heardMs: 2150 })] })).rows
    expect(row!.lostBy).toEqual({ ring_full: 113, no_channel: 37 })
  })

  test.each<[string, GapReason, number, number, number]>([
    ['up to 2.25 s after it: it is noticed that late', 'not_received', 5200, 5300, 100],
    ['later than that', 'not_received', 5300, 5400, 0],
    ['right before it', 'not_received', 600, 1000, 400],
    ['for long, and the person spoke until it was over', 'reconnecting', 1500, 4000, 0],
    ['while it did come: the edges of a gap are not known to the ms', 'not_received', 2000, 2400, 0],
    ['and in part did', 'not_received', 500, 1400, 500],
    ['for long, after speech alone', 'not_received', 3000, 9000, 0],
  ])('audio that did not come is lost speech when the person spoke beside it: %s', (_, reason, fromMs, toMs, lostMs) => {
    const { rows, complete } = coverage(sources({ gaps: [{ identity: ann, fromMs, toMs, reason }] }))
    expect(rows[0]).toMatchObject({ lostMs, speechMs: 2000 + lostMs, sentSpeechMs: 2000, unheardMs: toMs - fromMs })
    expect(complete).toBe(false)
  })

  test('audio that did not come in mid-speech is lost speech, as far as nothing was heard', () => {
    const spans = [span('ann', 0, 0, 2, 0), span('ann', 0, 2, 10, 2400)]
    const gaps = [{ identity: ann, fromMs: 1900, toMs: 2500, reason: 'not_received' }] as const
    const [row] = coverage(sources({ spans, gaps })).rows
    expect(row).toMatchObject({ lostBy: { not_received: 400 }, lostMs: 400, speechMs: 2400, sentSpeechMs: 2000, unheardMs: 600 })
  })

  test('a long absence between two turns is lost speech, and overlapping absences count once', () => {
    const runs = [
      { sessionId: SESSION, fromFrame: 0, toFrame: 16_000 },
      { sessionId: SESSION, fromFrame: 6 * 16_000, toFrame: 7 * 16_000 },
    ]
    const gaps = [
      { identity: ann, fromMs: 1100, toMs: 5000, reason: 'not_received' },
      { identity: ann, fromMs: 4000, toMs: 5100, reason: 'reconnecting' },
    ] as const
    const [row] = coverage(sources({ counters: [counters({ voicedRuns: runs })], gaps })).rows
    expect(row).toMatchObject({ lostBy: { not_received: 3900, reconnecting: 100 }, lostMs: 4000, unheardMs: 4000 })
  })

  test('a count that does not add up is shown, never hidden in another', () => {
    const more = coverage(sources({ counters: [counters({ heardMs: 2050 })] }))
    expect(more).toMatchObject({
      complete: false,
      doubts: ['unaccounted'],
      rows: [{ speechMs: 2050, sentSpeechMs: 2000, unaccountedMs: 50 }],
    })
    const less = coverage(sources({ counters: [counters({ heardMs: 1950 })] }))
    expect(less).toMatchObject({
      complete: false,
      doubts: ['unaccounted'],
      rows: [{ speechMs: 1950, sentSpeechMs: 2000, unaccountedMs: -50 }],
    })
    // half a frame is the rounding of a sum of fractions
    expect(coverage(sources({ counters: [counters({ heardMs: 2000.02 })] })).complete).toBe(true)
  })

  test('voice that was sent without a span could not be given to anybody: it is not accounted for', () => {
    const { rows, doubts } = coverage(sources({ spans: [span('ann', 0, 0, 2, 0), span('ann', 0, 2.5, 10, 2500)] }))
    expect(rows[0]).toMatchObject({ sentSpeechMs: 1500, unaccountedMs: 500 })
    expect(doubts).toContain('unaccounted')
    // two faults that cancel out are faults still
    const both = coverage(sources({ spans: [span('ann', 0, 0, 2.95, 0)], counters: [counters({ heardMs: 1950 })] }))
    expect(both).toMatchObject({
      complete: false,
      doubts: expect.arrayContaining(['unaccounted']) as unknown,
      rows: [{ unaccountedMs: 0 }],
    })
  })

  test('people known by one source alone have a row; unknown speech has none', () => {
    const bob = asIdentity('bob')
    const cyd = asIdentity('cyd')
    const { rows } = coverage(
      sources({
        gaps: [{ identity: bob, fromMs: 0, toMs: 1, reason: 'no_channel' }],
        segments: [segment({ identity: cyd, sessionId: asSessionId('old') }), segment({ identity: null })],
      }),
    )
    expect(rows.map((row) => [row.identity, row.name])).toEqual([
      ['ann', 'Ann Lee'],
      ['bob', 'bob'],
      ['cyd', 'cyd'],
    ])
  })

  test('whatever was lost where, the sums hold for every person and for all, in whole ms', () => {
    const reason = fc.constantFrom<GapReason>('buffer_full', 'session_lost', 'drain_timeout')
    const person = fc.record({
      // frames: silence and voice by turns
      runs: fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 20_000 })), { maxLength: 8 }),
      lostVoiceMs: fc.oneof(fc.nat(5000), fc.double({ min: 0, max: 5000, noNaN: true })),
      waitingVoiceMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 500, noNaN: true })),
      stray: fc.oneof(fc.constant(0), fc.integer({ min: -500, max: 500 })),
      missing: fc.array(fc.tuple(fc.nat(20_000), fc.nat(4000), fc.constantFrom<GapReason>('not_received', 'reconnecting', 'ring_full')), {
        maxLength: 3,
      }),
    })
    const session = fc.record({
      acknowledged: fc.nat(400_000),
      endReason: fc.constantFrom('done', 'session_lost', null),
      lost: fc.array(fc.tuple(fc.nat(300_000), fc.nat(30_000), reason), { maxLength: 4 }),
    })
    fc.assert(
      fc.property(fc.array(person, { maxLength: 4 }), session, (people, how) => {
        const all = people.map(({ runs, lostVoiceMs, waitingVoiceMs, stray }, channel) => {
          let frame = 0
          const voicedRuns = runs.map(([silence, voice]) => {
            const fromFrame = (frame += silence)
            return { sessionId: SESSION, fromFrame, toFrame: (frame += voice) }
          })
          const sentVoiceMs = voicedRuns.reduce((sum, run) => sum + run.toFrame - run.fromFrame, 0) / 16
          const heardMs = sentVoiceMs + lostVoiceMs + waitingVoiceMs + stray
          const identity = asIdentity(`p${channel}`)
          const one = counters({ identity, voicedRuns, sentVoiceMs, heardMs, lostVoiceMs, waitingVoiceMs })
          return { one, span: span(`p${channel}`, channel, 0, Math.max(1, frame) / 16_000, channel * 333.3) }
        })
        const { rows, complete, doubts } = coverage(
          sources({
            counters: all.map(({ one }) => one),
            spans: all.map((each) => each.span),
            sessions: [
              {
                sessionId: SESSION,
                acknowledgedFrames: how.acknowledged,
                endReason: how.endReason,
                lost: how.lost.map(([fromFrame, frames, why]) => ({ fromFrame, toFrame: fromFrame + frames, reason: why })),
              },
            ],
            segments: [],
            gaps: people.flatMap(({ missing }, channel) =>
              missing.map(([fromMs, ms, why]) => ({ identity: asIdentity(`p${channel}`), fromMs, toMs: fromMs + ms, reason: why })),
            ),
          }),
        )
        for (const [at, row] of rows.entries()) {
          expectBalance(row)
          const stray = people[at]?.stray ?? 0
          expect(row.unaccountedMs).toBe(stray)
          if (row.lostMs > 0) expect(complete).toBe(false)
          // every ms that a session lost lies in a gap of that person
          const inGaps = row.gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
          const ofSessions = (row.lostBy.buffer_full ?? 0) + (row.lostBy.session_lost ?? 0) + (row.lostBy.drain_timeout ?? 0)
          expect(inGaps).toBeGreaterThanOrEqual(ofSessions - 3)
        }
        expectBalance(totalOf(rows))
        expect(complete).toBe(doubts.length === 0)
      }),
      { numRuns: 150 },
    )
  })
})
