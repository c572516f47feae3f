import { assert, array, constantFrom, integer, oneof, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asIdentity, newMeetingId } from '../../../../../src/core/ids.js'
import {
  LIMITS,
  completenessLines,
  summaryMessage,
  transcriptMessages,
  type SlackMessage,
} from '../../../../../src/followup/delivery/slack/message.js'
import { clockText, cut, escapeText, pieces, transcriptLines } from '../../../../../src/followup/delivery/slack/text.js'
import type { CoverageRow } from '../../../../../src/live/transcript/segment.js'
import type { MeetingRecord, SummaryRecord } from '../../../../../src/records/port.js'
import { coverageRow } from '../../../../support/coverage-row.js'
import { transcriptOf } from '../../../../support/meeting-content.js'

const row = (name: string, lostMs: number): CoverageRow => coverageRow({ identity: asIdentity(name), name, speechMs: 10_000, lostMs })
const meeting = (title: string | null, names: readonly string[] = ['Alice']): MeetingRecord => ({
  id: newMeetingId(),
  room: 'standup',
  title,
  language: null,
  vocabulary: [],
  slackChannel: null,
  startAt: null,
  endAt: null,
  botName: null,
  state: 'finalising',
  reason: 'everybody_left',
  stopRequested: false,
  paused: false,
  deletedAt: null,
  createdAt: '2026-01-05T09:00:00.000Z',
  startedAt: '2026-01-05T09:00:00.000Z',
  endedAt: null,
  participants: names.map((name) => ({ identity: asIdentity(name), name, joinedMs: 0, leftMs: null })),
})
const summary = (texts: readonly string[]): SummaryRecord => ({
  meetingId: newMeetingId(),
  model: 'test',
  createdAt: '',
  sections: [
    { kind: 'overview', lines: texts.map((text) => ({ text, owner: null, segmentIds: ['s1'] })) },
    { kind: 'actions', lines: texts.map((text) => ({ text, owner: text, segmentIds: ['none'] })) },
  ],
})
const textsOf = (message: SlackMessage): string[] =>
  message.blocks.map((block) => ('text' in block && typeof block.text === 'object' ? (block.text?.text ?? '') : ''))
const hostile = oneof(
  string({ maxLength: 400 }),
  constantFrom('&'.repeat(5_000), '<!channel>', '👩‍👩‍👧‍👦'.repeat(900), 'x'.repeat(20_000), 'e\u0301'.repeat(3_000)),
)

describe('a message for Slack', () => {
  test('keeps every limit, whatever is in it', () => {
    assert(
      property(hostile, array(hostile, { maxLength: 40 }), (title, texts) => {
        const message = summaryMessage({
          meeting: meeting(title, texts),
          transcript: transcriptOf([['Alice', 'Hello.']]),
          summary: summary(texts),
          segments: [],
        })
        expect(message.blocks.length).toBeLessThanOrEqual(LIMITS.blocks)
        expect(textsOf(message)[0]?.length).toBeLessThanOrEqual(LIMITS.header)
        expect(textsOf(message).every((text) => text.length <= LIMITS.section)).toBe(true)
        expect(JSON.stringify(message.blocks).length).toBeLessThanOrEqual(2 * LIMITS.message + 4_000)
        expect(textsOf(message).join('').length).toBeLessThanOrEqual(LIMITS.message)
        expect(message.text.length).toBeLessThanOrEqual(LIMITS.fallback)
        expect(textsOf(message).slice(1).join('')).not.toContain('<')
      }),
      { numRuns: 60 },
    )
  })

  test('says how many lines it left out', () => {
    const texts = Array.from({ length: 200 }, (_, n) => `Line ${n} ${'word '.repeat(20)}`)
    const message = summaryMessage({
      meeting: meeting(null),
      transcript: transcriptOf([['Alice', 'Hello.']]),
      summary: summary(texts),
      segments: [],
    })
    expect(textsOf(message).join('\n')).toMatch(/… and \d+ more lines$/)
    expect(textsOf(message)[0]).toBe('Meeting in standup')
  })

  test('a line shows when the evidence was said, and an owner', () => {
    const record: SummaryRecord = {
      ...summary([]),
      sections: [{ kind: 'actions', lines: [{ text: 'Send it', owner: 'Bob', segmentIds: ['s2'] }] }],
    }
    const transcript = transcriptOf([
      ['Alice', 'Hello.', 1_000],
      ['Bob', 'I will send it.', 65_000],
    ])
    expect(textsOf(summaryMessage({ meeting: meeting('M'), transcript, summary: record, segments: [] })).join('\n')).toContain(
      '*Action items*\n• *Bob*: Send it (1:05)',
    )
  })
})

describe('completeness', () => {
  test('is said only of a transcript that lost nothing', () => {
    expect(completenessLines(transcriptOf([]))).toEqual(['Transcript: complete'])
    expect(completenessLines(transcriptOf([], { complete: false }))).toEqual(['Transcript: *incomplete*'])
    const coverage = [row('Alice <3', 1), row('Bob', 0), row('Carol', 12_000)]
    const expected = ['Transcript: *incomplete*', '• Alice &lt;3: 1 s of speech lost', '• Carol: 12 s of speech lost']
    expect(completenessLines(transcriptOf([], { coverage }))).toEqual(expected)
    expect(completenessLines(transcriptOf([], { complete: false, coverage }))).toEqual(expected)
  })
})

describe('the transcript in a thread', () => {
  test('is at most three messages of at most 10 000 characters, else none', () => {
    const lines = (count: number) => Array.from({ length: count }, () => ['Alice', 'word '.repeat(30)] as const)
    expect(transcriptMessages(transcriptOf(lines(10)))).toHaveLength(1)
    const three = transcriptMessages(transcriptOf(lines(150))) ?? []
    expect(three).toHaveLength(3)
    expect(three.every((message) => textsOf(message).join('').length <= LIMITS.message)).toBe(true)
    expect(transcriptMessages(transcriptOf(lines(200)))).toBeNull()
    expect(transcriptMessages(transcriptOf(lines(20_000)))).toBeNull()
  })

  test('names the unknown as unknown', () => {
    expect(
      transcriptLines(
        transcriptOf([
          ['', ' a\n b '],
          ['Bob', 'c', 3_725_000],
        ]),
      ),
    ).toEqual(['[0:00] Unknown speaker: a b', '[1:02:05] Bob: c'])
  })
})

describe('text in pieces', () => {
  test('keeps every character, the order, and the bound', () => {
    assert(
      property(array(string({ unit: 'grapheme', maxLength: 90 }), { maxLength: 20 }), integer({ min: 20, max: 60 }), (lines, max) => {
        const out = pieces(lines, max)
        expect(out.every((piece) => piece.length <= max)).toBe(true)
        expect(out.join('').replaceAll('\n', '')).toBe(lines.join('').replaceAll('\n', ''))
      }),
    )
  })

  test('cuts no escape and no grapheme in two', () => {
    for (const piece of pieces([escapeText('<&>'.repeat(40))], 31)) expect(piece).toMatch(/^(&(amp|lt|gt);)+$/)
    for (const piece of pieces(['👩‍👩‍👧‍👦'.repeat(10)], 30))
      expect([...new Intl.Segmenter().segment(piece)].every(({ segment }) => segment === '👩‍👩‍👧‍👦')).toBe(true)
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(cut('abcd', 4)).toBe('abcd')
  })

  test('times are minutes and seconds, with hours when there are any', () => {
    expect([0, 59_999, 60_000, 3_600_000].map(clockText)).toEqual(['0:00', '0:59', '1:00', '1:00:00'])
  })
})
