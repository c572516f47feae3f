import type { KnownBlock } from '@slack/web-api'
import type { TranscriptDocument } from '../../../live/transcript/segment.js'
import type { SummarySection } from '../../../records/port.js'
import type { DeliveryContent } from '../../port.js'
import { clockText, cut, escapeText, pieces, transcriptLines } from './text.js'

/**
 * Slack's limits with a margin. `message` bounds the text of all blocks together: about 13 200 characters are
 * refused, which is not documented (bolt-js issue 2509).
 */
export const LIMITS = { blocks: 50, section: 3_000, header: 150, message: 10_000, fallback: 4_000 } as const
/** A transcript that needs more messages than this goes into a file. */
export const MAX_THREAD_MESSAGES = 3

const HEADINGS: Readonly<Record<SummarySection['kind'], string>> = {
  overview: 'Overview',
  decisions: 'Decisions',
  actions: 'Action items',
  questions: 'Open questions',
}

/** A message ready to post; `text` is what notifications and screen readers get. */
export interface SlackMessage {
  readonly text: string
  readonly blocks: KnownBlock[]
}

/** The message in the channel: title, facts, how whole the transcript is, and the summary with its evidence. */
export function summaryMessage(content: DeliveryContent): SlackMessage {
  const { meeting, transcript, summary } = content
  const title = meeting.title ?? `Meeting in ${meeting.room}`
  const lines = [...completenessLines(transcript), ...summary.sections.flatMap((section) => sectionLines(section, transcript))]
  const facts = factsLine(content)
  const budget = LIMITS.message - LIMITS.header - facts.length - 100
  return {
    text: cut(`${escapeText(title)}: summary and transcript`, LIMITS.fallback),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(title, LIMITS.header), emoji: false } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: facts, verbatim: true }] },
      ...pieces(fitting(lines, budget), LIMITS.section).map(section),
    ],
  }
}

/**
 * How whole the transcript is, in words: never "complete" when something is missing.
 * A second begun counts as a second.
 */
export function completenessLines(transcript: TranscriptDocument): string[] {
  const lost = transcript.coverage.filter((row) => row.lostMs > 0)
  if (transcript.complete && lost.length === 0) return ['Transcript: complete']
  if (lost.length === 0) return ['Transcript: *incomplete*']
  return ['Transcript: *incomplete*', ...lost.map((row) => `• ${escapeText(row.name)}: ${Math.ceil(row.lostMs / 1000)} s of speech lost`)]
}

/** The transcript as messages for the thread, or null when it is too long for that. */
export function transcriptMessages(transcript: TranscriptDocument): SlackMessage[] | null {
  const lines = transcriptLines(transcript).map(escapeText)
  const perMessage = Math.floor(LIMITS.message / LIMITS.section)
  // a transcript that certainly does not fit is not cut into pieces first
  if (lines.reduce((sum, line) => sum + line.length, 0) > MAX_THREAD_MESSAGES * LIMITS.message) return null
  const sections = pieces(lines, LIMITS.section)
  const messages: SlackMessage[] = []
  for (let at = 0; at < sections.length; at += perMessage) {
    messages.push({ text: 'Transcript', blocks: sections.slice(at, at + perMessage).map(section) })
  }
  return messages.length > MAX_THREAD_MESSAGES ? null : messages
}

const section = (text: string): KnownBlock => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } })

function factsLine({ meeting, transcript }: DeliveryContent): string {
  const people = [...new Set(meeting.participants.map((person) => person.name))]
  const shown = people.slice(0, 20).join(', ') + (people.length > 20 ? ` and ${people.length - 20} more` : '')
  const lastMs = transcript.segments.reduce((last, segment) => Math.max(last, segment.endMs), 0)
  const started = meeting.startedAt === null ? [] : [meeting.startedAt.slice(0, 16).replace('T', ' ') + ' UTC']
  const facts = [`Room ${meeting.room}`, ...started, `${clockText(lastMs)} of speech timeline`, ...(shown === '' ? [] : [shown])]
  return cut(escapeText(facts.join(' · ')), 1_000)
}

function sectionLines(part: SummarySection, transcript: TranscriptDocument): string[] {
  if (part.lines.length === 0) return []
  const byId = new Map(transcript.segments.map((segment) => [String(segment.id), segment]))
  const lines = part.lines.map((line) => {
    const cited = line.segmentIds.map((id) => byId.get(id)).find((segment) => segment !== undefined)
    const when = cited === undefined ? '' : ` (${clockText(cited.startMs)})`
    const owner = line.owner === null ? '' : `*${escapeText(line.owner)}*: `
    return `• ${owner}${escapeText(line.text)}${when}`
  })
  return ['', `*${HEADINGS[part.kind]}*`, ...lines]
}

/** The lines that fit; what does not is counted, not dropped in silence. */
function fitting(lines: readonly string[], budget: number): string[] {
  const out: string[] = []
  let length = 0
  for (const [index, line] of lines.entries()) {
    const whole = cut(line, LIMITS.section)
    if (length + whole.length + 1 > budget) return [...out, `… and ${lines.length - index} more lines`]
    out.push(whole)
    length += whole.length + 1
  }
  return out
}
