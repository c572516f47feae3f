import { expect, test } from 'vitest'
import { asIdentity, asSessionId } from '../../../src/core/ids.js'
import type { Gap } from '../../../src/live/audio/span.js'
import type { PlayEvent } from '../../../src/standins/actors/play-event.js'
import { crowdReport } from '../../support/crowd-report.js'
import type { CrowdFacts } from '../../support/crowd-stage.js'
import { identityOf } from '../../support/eight-people.js'
import type { Busy } from '../../support/machine-watch.js'

const healthy = { worstLatenessMs: 0, worstUnderrunMs: 0, worstLoopDelayMs: 0, skippedMarks: 0, failures: 0 }

/** What a meeting of one person shows, who spoke those marks. */
function reportOf({
  marks,
  steps,
  worstDelayMs,
  transcript,
  spans,
  gaps,
  busy = [],
}: {
  marks: readonly number[]
  steps: readonly PlayEvent[]
  worstDelayMs: number
  transcript: object
  spans: readonly object[]
  gaps: readonly Gap[]
  busy?: readonly Busy[]
}) {
  const identity = identityOf(0)
  const facts = {
    script: { cast: [{ identity, name: 'Ann', who: 0, voice: 'rms' }], steps: [], lengthMs: 2_000 },
    events: [...marks.map((n): PlayEvent => ({ kind: 'mark', who: 0, n, isHeard: true, monotonicMs: n * 200 })), ...steps],
    t0Ms: 0,
    endMs: 2_000,
    actors: healthy,
    bot: { worstDelayMs, corePercent: 10, exitCode: 0 },
    transcript: { coverage: [], ...transcript },
    sessions: [],
    spans,
    gaps,
    busy,
  }
  return crowdReport(facts as unknown as CrowdFacts)
}

/** A meeting of four marks of one person, the last of which came back so far beside its place, in a bot that was so late. */
function report(besideMs: number, worstDelayMs: number, returned = 4, gaps: readonly Gap[] = [], busy: readonly Busy[] = []) {
  const identity = identityOf(0)
  const marks = [5, 6, 7, 8]
  const words = marks.slice(0, returned).map((n, at) => {
    const startMs = n * 200 + (at === 3 ? besideMs : 0)
    return { text: `w0n${n}`, startMs, endMs: startMs + 152, confidence: 1 }
  })
  const transcript = {
    complete: gaps.length === 0,
    doubts: gaps.length === 0 ? [] : ['gaps'],
    segments: [{ identity, sessionId: asSessionId('s'), channel: 0, words }],
  }
  const unmuted: PlayEvent = { kind: 'step', identity, do: 'unmute', name: 'Ann', startedMs: 500, endedMs: 500 }
  return reportOf({ marks, steps: [unmuted], worstDelayMs, transcript, spans: [], gaps, busy })
}

const faults = (...meeting: Parameters<typeof report>): readonly string[] => report(...meeting).faults

test('a mark beside its place is a fault: above 150 ms in a run that was in time, above 600 ms in one that says nothing about timing', () => {
  expect([faults(140, 0), faults(590, 300)]).toEqual([[], []])
  expect(faults(160, 0)).toEqual(['a mark lies 160 ms beside its place'])
  expect(faults(610, 300)).toEqual(['a mark lies 610 ms beside its place'])
})

/** Somebody's first mark, which came back so long; what was sent of them began so long before it. */
function firstMark(lengthMs: number, leadMs: number, worstDelayMs: number): readonly string[] {
  const identity = identityOf(0)
  const span = {
    sessionId: asSessionId('s'),
    channel: 0,
    trackKey: 't',
    identity,
    fromFrame: 0,
    toFrame: 16 * 3_000,
    meetingMs: 1_000 - leadMs,
  }
  const word = (n: number, ms: number) => ({ text: `w0n${n}`, startMs: n * 200, endMs: n * 200 + ms, confidence: 1 })
  const words = [word(5, lengthMs), word(6, 152)]
  const transcript = { complete: true, doubts: [], segments: [{ identity, sessionId: span.sessionId, channel: 0, words }] }
  const { faults: told } = reportOf({ marks: [5, 6], steps: [], worstDelayMs, transcript, spans: [span], gaps: [] })
  return told.map((fault) => fault.split('\n')[0]!)
}

test('a first mark that is cut is a fault, but where a run says nothing about timing and all of its time was sent', () => {
  const cut = 'first mark not whole: w0n5 of p0 at 1000 ms of the meeting'
  expect(firstMark(152, 350, 0)).toEqual([])
  expect(firstMark(110, 350, 0)).toEqual([cut])
  expect(firstMark(110, 350, 300)).toEqual([])
  expect(firstMark(110, 150, 300)).toEqual([cut])
})

test('a lost mark is told with what was heard of its speaker: whether it ever came to the bot', () => {
  const [first, ...others] = faults(0, 0, 3)
  expect(first).toMatch(/^lost without a gap: w0n8 of p0 at 1600 ms/)
  expect(first).toContain('spoken 800 ms; heard 0, sent 0, returned 0 ms')
  expect(first).toContain('1600 ms after T0; unmute 1100 ms before; never heard')
  expect(others).toEqual([])
})

test('and one that lies in a gap of its speaker is told apart from one that nobody was told of', () => {
  const gap = { identity: asIdentity(identityOf(0)), fromMs: 1_500, toMs: 2_000, reason: 'not_received' } as const
  expect(faults(0, 0, 3, [gap])[0]).toMatch(/^lost: w0n8/)
  expect(faults(0, 0, 3, [{ ...gap, identity: asIdentity('p1') }])[0]).toMatch(/^lost without a gap: w0n8/)
  expect(faults(0, 0, 3, [{ ...gap, fromMs: 0, toMs: 1_600 }])[0]).toMatch(/^lost without a gap: w0n8/)
})

test('a gap before the start, or from the opening of a microphone on, in which nothing was said is no fault; any other is', () => {
  const gap = { identity: asIdentity(identityOf(0)), fromMs: -900, toMs: 0, reason: 'not_received' } as const
  const told = 'the transcript is not called complete'
  expect(faults(0, 0, 4, [gap])).toEqual([])
  expect(faults(0, 0, 4, [{ ...gap, toMs: 1 }])[0]).toBe(told)
  expect(faults(0, 0, 4, [{ ...gap, reason: 'reconnecting' }])[0]).toBe(told)
  // p0 unmuted at 0.5 s, and spoke from 1.0 to 1.76 s: those marks came back all the same
  expect(faults(0, 0, 4, [{ ...gap, fromMs: 600, toMs: 1_000 }])).toEqual([])
  expect(faults(0, 0, 4, [{ ...gap, fromMs: 600, toMs: 1_001 }])[0]).toBe(told)
  expect(faults(0, 0, 4, [{ ...gap, identity: asIdentity('p1'), fromMs: 600, toMs: 1_000 }])[0]).toBe(told)
  expect(faults(0, 0, 4, [{ ...gap, fromMs: 2_000, toMs: 5_000 }])[0]).toBe(told)
})

test('a run in which nothing is wrong but short gaps while the machine had nothing to spare says nothing; one with any other fault does', () => {
  const gap = { identity: asIdentity(identityOf(0)), fromMs: 1_550, toMs: 1_750, reason: 'not_received' } as const
  const busy = { fromMs: 900, toMs: 1_400 }
  const health = (returned: number, gaps: readonly Gap[], stretches: readonly Busy[], besideMs = 0) =>
    report(besideMs, 0, returned, gaps, stretches).health
  expect(health(3, [gap], [busy])).toBe('invalid')
  expect(health(4, [gap], [busy])).toBe('invalid')
  expect(health(3, [gap], [])).toBe('valid')
  expect(health(3, [gap], [{ fromMs: 500, toMs: 1_050 }])).toBe('valid')
  expect(health(3, [gap], [{ fromMs: 2_250, toMs: 3_000 }])).toBe('valid')
  expect(health(3, [{ ...gap, fromMs: 1_200, toMs: 1_750 }], [busy])).toBe('valid')
  expect(health(3, [{ ...gap, reason: 'reconnecting' }], [busy])).toBe('valid')
  expect(health(3, [gap, { ...gap, fromMs: 5_000, toMs: 5_200 }], [busy])).toBe('valid')
  expect(health(4, [gap], [busy], 160)).toBe('valid')
  expect(health(3, [], [busy])).toBe('valid')
})
