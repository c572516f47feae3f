import * as fc from 'fast-check'
import { parseSync } from 'subtitle'
import { expect, test } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { cues } from '../../../../src/live/transcript/render/cues.js'
import { RENDER_FORMATS, renderTranscript } from '../../../../src/live/transcript/render/render.js'
import { Transcript } from '../../../../src/control/api/transcript-schema.js'
import { DOUBTS } from '../../../../src/live/transcript/segment.js'
import { coverageRow, NOTHING_BILLED } from '../../../support/coverage-row.js'
import { documentOf, segment, SESSION } from './fixtures.js'

const ann = asIdentity('ann')
const HOSTILE = 'a <b>x</b> & --> {\\an8}\n\n2\n00:00:01,000 --> 00:00:02,000\nfake **bold** [x](http://e) \u202eevil\u202c # `code`'
const FAMILY = '\u{1f469}\u200d\u{1f467}'

const parsed = (text: string) =>
  parseSync(text).flatMap((node) => (node.type === 'cue' ? [{ start: node.data.start, end: node.data.end, text: node.data.text }] : []))

test('json has the shape of the contract, with the sum of the coverage and the bill', () => {
  const gaps = [{ identity: ann, fromMs: 5, toMs: 9, reason: 'not_received' }] as const
  const row = coverageRow({ speechMs: 100, lostMs: 5, waits: { count: 2, totalMs: 300, maxMs: 250 }, noisy: true, gaps })
  const other = coverageRow({
    identity: asIdentity('bob'),
    name: 'Bob',
    speechMs: 40,
    lostMs: 2,
    lostBy: { ring_full: 2 },
    waits: { count: 1, totalMs: 10, maxMs: 10 },
  })
  const billing = { ...NOTHING_BILLED, channelSec: 3, sessions: [{ session: SESSION, channels: 2, sec: 1.5, channelSec: 3 }] }
  const document = documentOf([{}], { complete: false, doubts: ['lost', 'gaps'], coverage: [row, other], billing })
  const parsedJson: unknown = JSON.parse(renderTranscript(document, 'json'))
  expect(parsedJson).toEqual({
    meetingId: 'm1',
    room: 'standup',
    title: null,
    startedAt: '2026-01-05T09:00:00.000Z',
    complete: false,
    doubts: ['lost', 'gaps'],
    segments: [
      {
        id: 's1.u1.0',
        identity: 'ann',
        name: 'Ann Lee',
        startMs: 1000,
        endMs: 2000,
        text: 'Good morning.',
        words: segment().words,
        language: 'en',
        confidence: 0.9,
        session: 's1',
        channel: 0,
      },
    ],
    coverage: [{ ...row, gaps: [{ fromMs: 5, toMs: 9, reason: 'not_received' }] }, other],
    coverageTotal: {
      speechMs: 140,
      sentMs: 133,
      sentSpeechMs: 133,
      acknowledgedMs: 133,
      acknowledgedSpeechMs: 133,
      returnedMs: 133,
      returnedSpeechMs: 133,
      lostMs: 7,
      lostBy: { session_lost: 5, ring_full: 2 },
      waitingMs: 0,
      unaccountedMs: 0,
      unheardMs: 0,
      presentMs: 140,
      waits: { count: 3, totalMs: 310, maxMs: 250 },
    },
    billing,
  })
  // what the API publishes is what it serves
  expect(Transcript.safeParse(parsedJson).error).toBeUndefined()
})

test('txt and md say whether it is complete and list gaps at the end', () => {
  const gaps = [{ identity: ann, fromMs: 61_000, toMs: 3_661_000, reason: 'no_channel' }] as const
  const row = coverageRow({
    name: 'Ann *Lee*',
    speechMs: 3_600_000,
    lostMs: 2501,
    gaps,
    waits: { count: 9, totalMs: 41_000, maxMs: 30_000 },
  })
  const incomplete = documentOf([{}, { identity: null, name: null, startMs: 3_600_000 }], {
    title: 'Plan #1',
    complete: false,
    doubts: ['lost', 'gaps', 'session'],
    coverage: [row],
    billing: { ...NOTHING_BILLED, channelSec: 14_400, speechSec: 3600, channelEachSec: 7200, perSpeechSec: 4, ofChannelEach: 2 },
  })
  expect(renderTranscript(incomplete, 'txt')).toMatchInlineSnapshot(`
    "Plan #1
    Started 2026-01-05T09:00:00.000Z
    Not complete: 2.6 s of speech were lost; a speech session did not end well, so that its last words may be missing.

    [00:00:01] Ann Lee: Good morning.
    [01:00:00] Unknown speaker: Good morning.

    Gaps:
    00:01:01 - 01:01:01 (3600.0 s) Ann *Lee*: more people spoke than could be listened to
    "
  `)
  expect(renderTranscript(incomplete, 'md')).toMatchInlineSnapshot(`
    "# Plan \\#1

    Started 2026-01-05T09:00:00.000Z

    _Not complete: 2.6 s of speech were lost; a speech session did not end well, so that its last words may be missing._

    \`00:00:01\` **Ann Lee:** Good morning.

    \`01:00:00\` **Unknown speaker:** Good morning.

    ## Coverage

    | person | heard | sent | acknowledged | returned | lost | longest wait |
    | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | Ann \\*Lee\\* | 1:00:00.0 | 59:57.4 | 59:57.4 | 59:57.5 | 0:02.6 | 0:30.0 |

    - Speech waited 0:41.0 for a channel in all, 0:30.0 at most

    ## Gaps

    - 00:01:01 - 01:01:01 (3600.0 s) **Ann \\*Lee\\***: more people spoke than could be listened to

    ---

    _14,400 channel-seconds billed for 3,600 s of speech (4.0 x); a channel for each person would have been 7,200, so this is 200 % of it_
    "
  `)
  expect(renderTranscript(documentOf([]), 'txt')).toContain('Complete: everything')
})

test('every doubt has a sentence of its own, and none is complete', () => {
  const sentences = DOUBTS.map((doubt) => {
    const coverage = [coverageRow({ speechMs: 100, lostMs: 1, waitingMs: 1, unaccountedMs: 1 })]
    return renderTranscript(documentOf([], { complete: false, doubts: [doubt], coverage }), 'txt').split('\n')[2]!
  })
  expect(new Set(sentences).size).toBe(DOUBTS.length)
  for (const sentence of sentences) expect(sentence).toMatch(/^Not complete: .*\.$/)
  // a loss of 1 ms is not shown as 0.0 s
  expect(sentences[0]).toBe('Not complete: 0.1 s of speech were lost.')
})

test('hostile names and texts stay in their place in every format', () => {
  const document = documentOf([
    { text: HOSTILE, words: [], name: `Eve\n<v Bob>${FAMILY}` },
    { startMs: 9000, endMs: 9500, words: [] },
  ])
  const txt = renderTranscript(document, 'txt').trimEnd().split('\n')
  expect(txt.length).toBe(6)
  expect(txt[4]).toMatch(/^\[00:00:01\] Eve <v Bob>/)
  const md = renderTranscript(document, 'md')
  expect(md).not.toMatch(/<|\u202e|\n2\n|[^\\]\*\*bold/)
  expect(md).toContain(FAMILY)
  for (const format of ['srt', 'vtt'] as const) {
    const text = renderTranscript(document, format)
    const lines = parsed(text)
    expect(lines.length).toBe(cues(document).length)
    expect(text.split('-->').length - 1).toBe(lines.length)
    expect(text).not.toMatch(format === 'srt' ? /<b>|\{\\|\u202e/ : /<b>|\u202e/)
    expect(lines.at(-1)!.start).toBe(9000)
  }
  expect(renderTranscript(document, 'vtt')).toContain(`<v Eve &lt;v Bob&gt;${FAMILY}>`)
  const { segments } = JSON.parse(renderTranscript(document, 'json')) as { segments: { text: string }[] }
  expect(segments[0]!.text).toBe(HOSTILE)
})

test('a long segment is cut into cues at words, each within 7 s and 84 characters, by the times of its words', () => {
  const words = Array.from({ length: 60 }, (_, at) => ({ text: `word${at}`, startMs: at * 500, endMs: at * 500 + 400, confidence: 1 }))
  const text = words.map((word) => word.text).join(' ')
  const all = cues(documentOf([{ text, words, startMs: 0, endMs: 29_900 }]))
  expect(all.map((cue) => cue.text).join(' ')).toBe(text)
  for (const cue of all) {
    expect(cue.endMs - cue.startMs).toBeLessThanOrEqual(7000)
    expect(cue.text.length).toBeLessThanOrEqual(84)
    const first = words.find((word) => word.text === cue.text.split(' ')[0])!
    expect(cue.startMs).toBe(first.startMs)
  }
})

test('srt and vtt of anything are read back by another parser: as many cues, the same times, the same words', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(
        fc.constantFrom('hello', '-->', '<i>', '&amp;', '\n', '\r\n\r\n', 'NOTE', '1', '\u200f\u05d0', FAMILY, 'x'.repeat(100), '\u2028'),
        { maxLength: 40 },
      )
      .map((all) => all.join(' ')),
  )
  const one = fc.record({ text, name: fc.option(text), startMs: fc.integer({ min: 0, max: 400_000_000 }), lengthMs: fc.nat(40_000) })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), (all) => {
      const document = documentOf(
        all.map(({ text: said, name, startMs, lengthMs }, part) => ({
          text: said,
          name,
          startMs,
          endMs: startMs + lengthMs,
          words: [],
          part,
        })),
      )
      const expected = cues(document)
      for (const cue of expected) {
        expect(cue.endMs).toBeGreaterThan(cue.startMs)
        expect(cue.endMs - cue.startMs).toBeLessThanOrEqual(7000)
        expect(cue.text.length).toBeLessThanOrEqual(84)
      }
      for (const format of ['srt', 'vtt'] as const) {
        const read = parsed(renderTranscript(document, format))
        expect(read.map(({ start, end }) => [start, end])).toEqual(expected.map((cue) => [cue.startMs, cue.endMs]))
        expect(read.every((cue) => cue.text.trim() !== '' && !cue.text.includes('\n'))).toBe(true)
      }
      for (const format of RENDER_FORMATS) expect(renderTranscript(document, format).endsWith('\n')).toBe(true)
    }),
    { numRuns: 40 },
  )
})
