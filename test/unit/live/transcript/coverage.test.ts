import { expect, test } from 'vitest'
import { asIdentity, asSessionId } from '../../../../src/core/ids.js'
import type { AudioCounters } from '../../../../src/live/audio/ledger.js'
import { coverage, type CoverageSources } from '../../../../src/live/transcript/coverage.js'
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
    segments: [segment({ startMs: 1000, endMs: 2000 }), segment({ startMs: 1500, endMs: 2900, part: 1 })],
    gaps: [],
    names: new Map([[ann, 'Ann Lee']]),
    ...change,
  }
}

test('a meeting without loss is complete, and its row says how much was heard, sent, acknowledged and returned', () => {
  expect(coverage(sources())).toEqual({
    complete: true,
    rows: [
      { identity: 'ann', name: 'Ann Lee', speechMs: 2000, sentMs: 10_000, acknowledgedMs: 10_000, returnedMs: 1900, lostMs: 0, gaps: [] },
    ],
  })
  expect(coverage(sources({ counters: [], spans: [], sessions: [], segments: [] }))).toEqual({ complete: true, rows: [] })
})

test('unacknowledged silence is no matter, unacknowledged voice is', () => {
  const at = (acknowledgedFrames: number, endReason: string | null) =>
    coverage(sources({ sessions: [{ sessionId: SESSION, acknowledgedFrames, endReason }] }))
  expect(at(3 * 16_000, 'done').complete).toBe(true)
  expect(at(3 * 16_000 - 1, 'done').complete).toBe(false)
  expect(at(2 * 16_000, 'session_lost').rows[0]).toMatchObject({ acknowledgedMs: 2000, lostMs: 1000 })
  expect(at(160_000, null).complete).toBe(false)
  expect(at(160_000, 'drain_timeout').complete).toBe(false)
  expect(coverage(sources({ sessions: [] })).complete).toBe(false)
})

test('frames that never reached the service are lost as far as they were voice, once', () => {
  const session = { sessionId: SESSION, acknowledgedFrames: 160_000, endReason: 'done' }
  const lost = [
    { fromFrame: 0, toFrame: 2 * 16_000 },
    { fromFrame: 16_000, toFrame: 2 * 16_000 },
  ]
  const { rows, complete } = coverage(sources({ sessions: [{ ...session, lost }] }))
  expect(complete).toBe(false)
  expect(rows[0]).toMatchObject({ lostMs: 1000, acknowledgedMs: 8000 })
  const silent = coverage(sources({ sessions: [{ ...session, lost: [{ fromFrame: 0, toFrame: 16_000 }] }] }))
  expect([silent.complete, silent.rows[0]!.lostMs]).toEqual([true, 0])
})

test('loss in the audio plane, voice that waits and gaps each make it incomplete', () => {
  expect(coverage(sources({ counters: [counters({ lostVoiceMs: 50, heardMs: 2050 })] }))).toMatchObject({
    complete: false,
    rows: [{ lostMs: 50 }],
  })
  expect(coverage(sources({ counters: [counters({ waitingVoiceMs: 50 })] })).complete).toBe(false)
  const gaps = [
    { identity: ann, fromMs: 900, toMs: 950, reason: 'reconnecting' },
    { identity: ann, fromMs: 10, toMs: 20, reason: 'not_received' },
  ] as const
  const { rows, complete } = coverage(sources({ gaps }))
  expect(complete).toBe(false)
  expect(rows[0]!.gaps).toEqual([gaps[1], gaps[0]])
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
