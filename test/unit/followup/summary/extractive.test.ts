import { assert, array, asyncProperty, constantFrom, integer, record, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createExtractiveSummariser } from '../../../../src/followup/summary/extractive.js'
import type { SummarySection } from '../../../../src/records/port.js'
import { transcriptOf } from '../../../support/meeting-content.js'

const summariser = createExtractiveSummariser()
const summaryOf = (...args: Parameters<typeof transcriptOf>) => summariser.summarise(transcriptOf(...args))
const linesOf = (sections: readonly SummarySection[], kind: SummarySection['kind']) =>
  sections.find((section) => section.kind === kind)?.lines ?? []
const ownersAndTexts = (sections: readonly SummarySection[]) => linesOf(sections, 'actions').map(({ owner, text }) => [owner, text])

const MEETING = [
  ['Alice Chen', 'Good morning, let us talk about the release of the mobile app.'],
  ['Bob', 'The release is blocked by the payment tests, they fail on older phones.'],
  ['Alice Chen', 'We decided to ship the release on Friday without the payment change.'],
  ['Bob', 'I will fix the payment tests by Thursday.'],
  ['Carol', 'Which older phones do our customers use most?'],
  ['Bob', "I don't know, the statistics are not there yet."],
  ['Alice Chen', 'Carol, can you ask support for the list of phones?'],
  ['Carol', 'Sure, the support team has a list of phones for the release.'],
  ['Bob', 'Who will write the release notes?'],
  ['Carol', "I'll write the release notes."],
] as const

describe('the extractive summary', () => {
  test('tells in the overview what no other section has, and no pleasantries, while there is something else', async () => {
    const sections = await summaryOf([
      ['Ann', 'Good morning everyone, thank you for joining.'],
      ...MEETING.slice(1),
      ['Ann', 'The mobile app crashed twice for customers with older phones.'],
      ['Ann', 'Thank you everyone, see you next week.'],
    ])
    const others = new Set([...linesOf(sections, 'decisions'), ...linesOf(sections, 'actions')].flatMap(({ segmentIds }) => segmentIds))
    const overview = linesOf(sections, 'overview')
    expect(overview.length).toBeGreaterThanOrEqual(3)
    expect(overview.filter(({ segmentIds }) => segmentIds.some((id) => others.has(id)))).toEqual([])
    expect(overview.filter(({ text }) => /morning|next week/.test(text))).toEqual([])
  })

  test('finds decisions, owned actions and the question left open, each with its evidence', async () => {
    const sections = await summaryOf(MEETING)
    expect(sections.map(({ kind }) => kind)).toEqual(['overview', 'decisions', 'actions', 'questions'])
    expect(linesOf(sections, 'decisions')).toEqual([
      { text: 'We decided to ship the release on Friday without the payment change.', owner: null, segmentIds: ['s3'] },
    ])
    expect(linesOf(sections, 'actions')).toEqual([
      { text: 'I will fix the payment tests by Thursday.', owner: 'Bob', segmentIds: ['s4'] },
      { text: 'Carol, can you ask support for the list of phones?', owner: 'Carol', segmentIds: ['s7'] },
      { text: "I'll write the release notes.", owner: 'Carol', segmentIds: ['s10'] },
    ])
    expect(linesOf(sections, 'questions')).toEqual([
      { text: 'Carol: Which older phones do our customers use most?', owner: null, segmentIds: ['s5'] },
    ])
    const overview = linesOf(sections, 'overview')
    expect(overview.length).toBeGreaterThanOrEqual(3)
    expect(overview.length).toBeLessThanOrEqual(5)
  })

  test('a sentence cut at a pause is put together again and cites both segments', async () => {
    const sections = await summaryOf([
      ['Bob', 'I will send the report.', 1_000],
      ['Alice', 'Mhm.', 4_200],
      ['Bob', 'to the customer by Friday.', 5_500],
    ])
    expect(linesOf(sections, 'actions')).toEqual([
      { text: 'I will send the report to the customer by Friday.', owner: 'Bob', segmentIds: ['s1', 's3'] },
    ])
  })

  test('what the same person says more than 2 s later is a sentence of its own', async () => {
    const sections = await summaryOf([
      ['Bob', 'I will send the report', 1_000],
      ['Bob', 'to the customer by Friday', 6_100],
    ])
    expect(ownersAndTexts(sections)).toEqual([
      ['Bob', 'I will send the report'],
      [null, 'to the customer by Friday'],
    ])
  })

  test('words of unknown speakers are not joined and own nothing', async () => {
    const sections = await summaryOf([
      ['', 'I will send the report', 1_000],
      ['', 'and I will call the customer', 4_500],
    ])
    expect(ownersAndTexts(sections)).toEqual([
      [null, 'I will send the report'],
      [null, 'and I will call the customer'],
    ])
  })

  test('without speech the summary says so, and says when the transcript is incomplete', async () => {
    expect(linesOf(await summaryOf([]), 'overview')).toEqual([{ text: 'No speech was transcribed.', owner: null, segmentIds: [] }])
    expect(linesOf(await summaryOf([], { complete: false }), 'overview')[0]?.text).toContain('incomplete')
  })

  test('sentences are found in languages without spaces', async () => {
    const sections = await summariser.summarise({
      ...transcriptOf([['花子', '金曜日に新しい版を出します。支払いの試験がまだ失敗しています。誰が調べますか？']]),
      segments: transcriptOf([['花子', '金曜日に新しい版を出します。支払いの試験がまだ失敗しています。誰が調べますか？']]).segments.map(
        (segment) => ({ ...segment, language: 'ja' }),
      ),
    })
    expect(linesOf(sections, 'overview').length).toBeGreaterThanOrEqual(2)
    expect(linesOf(sections, 'questions').map(({ text }) => text)).toEqual(['花子: 誰が調べますか？'])
  })

  test('German, French and Spanish rules find owners too', async () => {
    const sections = await summaryOf([
      ['Jürgen', 'Ich übernehme das Protokoll bis Freitag.'],
      ['Émile', 'Je vais écrire au client.'],
      ['Íñigo', 'Hemos decidido usar la versión nueva.'],
    ])
    expect(linesOf(sections, 'actions').map(({ owner }) => owner)).toEqual(['Jürgen', 'Émile'])
    expect(linesOf(sections, 'decisions')).toHaveLength(1)
  })

  test('a long meeting is summarised within the bounds', async () => {
    const lines = Array.from(
      { length: 1_500 },
      (_, n) => ['Alice', `Topic ${n % 97} needs work on part ${n % 31}, and I will look into item ${n}.`] as const,
    )
    const sections = await summaryOf(lines)
    expect(linesOf(sections, 'overview')).toHaveLength(5)
    expect(linesOf(sections, 'actions')).toHaveLength(30)
  })

  test('whatever is said, lines cite segments that exist, owners are people of the meeting, and twice is the same', async () => {
    const words = [
      'I will',
      'Bob',
      'can you',
      'please',
      'we decided',
      'by Friday',
      'Alice,',
      'if',
      'send it',
      'the report',
      '.',
      '?',
      'and',
      '日本。',
      '<!here>',
      '(',
      '*',
      '\u0000',
    ]
    const text = array(constantFrom(...words), { maxLength: 14 }).map((parts) => parts.join(' '))
    const line = record({
      name: constantFrom('Alice Chen', 'Bob', 'Will', 'Bob Marley', '', 'x.*('),
      text,
      startMs: integer({ min: 0, max: 60_000 }),
    })
    await assert(
      asyncProperty(array(line, { maxLength: 30 }), string(), async (lines, noise) => {
        const transcript = transcriptOf([...lines.map(({ name, text: said, startMs }) => [name, said, startMs] as const), ['Bob', noise]])
        const sections = await summariser.summarise(transcript)
        const ids = new Set<string>(transcript.segments.map(({ id }) => id))
        const names = new Set(transcript.segments.map(({ name }) => name))
        for (const { owner, segmentIds } of sections.flatMap(({ lines: all }) => all)) {
          expect(owner === null || names.has(owner)).toBe(true)
          expect(segmentIds.every((id) => ids.has(id))).toBe(true)
        }
        expect(await summariser.summarise(transcript)).toEqual(sections)
      }),
      { numRuns: 100 },
    )
  })
})
