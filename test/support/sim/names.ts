import type { Span } from '../../../src/live/audio/span.js'
import type { Segment } from '../../../src/live/transcript/segment.js'
import type { SessionRecord } from '../../../src/records/port.js'
import { JOINING_MS } from './losses.js'
import type { Spoken } from './room.js'
import type { SimSpeech } from './speech.js'
import { BLOCK, BLOCK_MS, PROBE_FRAMES } from './stamps.js'
import type { Takeover } from './watched-store.js'

/**
 * Spans are stored once a second, of four channels at most, and sooner when more than that waits, as where a session begins with what waited
 * for one: what one takeover may leave unnamed when no bot and no store stood still.
 */
const UNNAMED_BLOCKS = (4 * 1_000) / BLOCK_MS

/** What words are held against that stand under no name. */
export interface NameFacts {
  readonly spans: readonly Span[]
  readonly spoken: ReadonlyMap<number, Spoken>
  readonly takeovers: readonly Takeover[]
  readonly sessions: readonly SessionRecord[]
  readonly speech: SimSpeech
  readonly plan: readonly string[]
  /** who took the meeting over may not have seen what was logged before: its spans came to the store later, with the log */
  readonly areApart: boolean
  /** whether a span came to the store so shortly before the text that who brought that in cannot have known it */
  readonly isLater: (span: Span, segment: Segment, slackMs: number) => boolean
}

/** A text is attributed so long before it is stored, at most, when the store is well. */
const STORED_WITHIN_MS = 3_000

/** Faults that keep spans from the store for longer than a second. */
const LATE_SPANS = ['freeze', 'store_away', 'store_slow', 'store_stands']

/**
 * Words under no name. There is one reason for them: the bot that heard them was replaced before the store had the span that says whose they
 * are. So they are of a session that was there before a takeover, and no stored span of their speaker has them; anything else breaks I3. But
 * for echoes of a probe, which stand under their name where they were said first: whoever took over cannot know where an echo belongs.
 */
export function unnamedWords(segments: readonly Segment[], facts: NameFacts): { readonly unnamed: number; readonly violations: string[] } {
  const nobodys = segments.filter(({ identity }) => identity === null)
  const begunMs = begins(segments, facts)
  const named = new Set(
    segments.flatMap(({ identity, sessionId, words }) =>
      identity === null ? [] : words.map(({ text }) => `${sessionId} ${identity} ${text}`),
    ),
  )
  // a frozen bot is in the room until another one is, and may have no session before it wakes up
  const lateMs = facts.plan.includes('freeze') ? JOINING_MS : 0
  const slackMs = facts.plan.some((kind) => kind.startsWith('store_')) ? Number.POSITIVE_INFINITY : STORED_WITHIN_MS
  const violations = nobodys.flatMap((segment) => {
    const { sessionId } = segment
    const known = { ...facts, spans: facts.spans.filter((span) => !facts.isLater(span, segment, slackMs)) }
    return segment.words.flatMap(({ text }) => {
      const spoken = spokenAs(text, facts)
      if (spoken === undefined) return []
      const isReplaced = facts.takeovers.some(({ atMs }) => atMs + lateMs > (begunMs.get(sessionId) ?? 0))
      if (!isReplaced) return [`I3 ${text} of ${spoken.name} is under nobody`]
      if (named.has(`${sessionId} ${spoken.name} ${text}`) || facts.areApart) return []
      return isKnown(spoken, sessionId, known) ? [`I3 ${text} of ${spoken.name} is under nobody, and a span has it`] : []
    })
  })
  const unnamed = nobodys.reduce((sum, { words }) => sum + words.length, 0)
  if (unnamed > UNNAMED_BLOCKS * facts.takeovers.length && !facts.plan.some((kind) => LATE_SPANS.includes(kind)))
    violations.push(`I3 ${unnamed} words are under nobody after ${facts.takeovers.length} takeovers`)
  return { unnamed, violations }
}

const spokenAs = (text: string, { spoken }: NameFacts): Spoken | undefined => spoken.get(Number(text.slice(1)))

/** When the first word of each session was spoken: a bot that was replaced may hear on for a moment, before it knows. */
function begins(segments: readonly Segment[], facts: NameFacts): Map<string, number> {
  const begunMs = new Map<string, number>()
  for (const { words, sessionId } of segments) {
    const times = words.flatMap(({ text }) => spokenAs(text, facts)?.startMs ?? [])
    begunMs.set(sessionId, Math.min(begunMs.get(sessionId) ?? Number.POSITIVE_INFINITY, ...times))
  }
  return begunMs
}

/**
 * Whether a stored span of the speaker has the audio of the block, by where that stands in the session: the service may have a little more
 * in front of it than was sent, of probes.
 */
function isKnown({ id, name }: Spoken, sessionId: string, { spans, sessions, speech }: NameFacts): boolean {
  const vendorId = sessions.find((session) => session.sessionId === sessionId)?.vendorId ?? null
  return speech.sessions.some((session) => {
    const place = session.reader.understood.get(id)
    if (!place || (vendorId !== null && session.id !== vendorId)) return false
    const doubledFrames = PROBE_FRAMES * Math.max(0, session.connections - 1)
    return spans.some(
      (span) =>
        span.sessionId === sessionId &&
        span.identity === name &&
        span.channel === place.channel &&
        span.fromFrame <= place.frame - doubledFrames &&
        span.toFrame >= place.frame + BLOCK,
    )
  })
}
