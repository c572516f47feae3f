import type { Gap } from '../../../src/live/audio/span.js'
import type { Segment } from '../../../src/live/transcript/segment.js'
import type { ParticipantRecord, SessionRecord, StoredCoverage } from '../../../src/records/port.js'
import type { Spoken } from './room.js'
import type { SimSpeech } from './speech.js'
import { BLOCK_MS } from './stamps.js'
import type { Takeover } from './watched-store.js'

/**
 * What explains that a block which a bot was handed is in no text, from the best reason to the weakest. `none` breaks I4.
 * - `gap`: it lies in a stored gap of its speaker.
 * - `piece`: all of it reached the service in two pieces, of which it understood neither: a probe or the end of a session is between them.
 * - `session`: it reached a session that did not end well, whose texts were not to be had any more; the transcript says so. When a bot that
 *   was replaced had it, or lived to end it, and the store knew of it, only what is next to a text of its speaker is not in a gap.
 * - `unknown`: nobody who had the meeting could know that its speaker was there: of that, nothing had reached the store.
 */
export type Explanation = 'gap' | 'piece' | 'session' | 'unknown' | 'none'

/** What a loss is held against. */
export interface LossFacts {
  readonly speech: SimSpeech
  readonly gaps: readonly Gap[]
  readonly sessions: readonly SessionRecord[]
  readonly coverage: StoredCoverage | null
  readonly takeovers: readonly Takeover[]
  readonly segments: readonly Segment[]
  /** who was there, as it is stored at the end */
  readonly people: readonly ParticipantRecord[]
  /** a bot stood still for a while */
  readonly wasFrozen: boolean
  /** how far the time of a bot that took the meeting over may be ahead: half of what the store took to tell it */
  readonly clockMs: number
  /** frames came late, all at once */
  readonly wasLate: boolean
  /** frames were lost on the way: what follows is dated too early until that is known */
  readonly wereLost: boolean
  /** simulated ms of the meeting's start, and of the moment when its end was asked for */
  readonly startMs: number
  readonly stopMs: number
}

/** a gap may begin or end within a block */
const EDGE_MS = BLOCK_MS

/** what came while a bot was frozen, or in a burst, is dated a little late */
const LATE_EDGE_MS = 3 * BLOCK_MS
/** voice so close to a text counts as in it (`untextedTimes`) */
const NEAR_TEXT_MS = 1_000
/** missing frames are noticed, and dated, up to so much later (rule A11) */
const NOTICED_MS = 2_250
/** so long after a takeover the bot before may be the one that is in the room */
export const JOINING_MS = 500

/** Whether the block lies in one of the gaps. @param edgeMs how far it may stand out */
export function liesInGap({ name, startMs }: Spoken, gaps: readonly Gap[], meetingStartMs: number, edgeMs = EDGE_MS): boolean {
  const atMs = startMs - meetingStartMs
  return gaps.some((gap) => gap.identity === name && gap.fromMs - edgeMs <= atMs && atMs + BLOCK_MS <= gap.toMs + edgeMs)
}

/** Why a lost block is lost. */
export function explain(spoken: Spoken, facts: LossFacts): Explanation {
  const lateMs = facts.wereLost ? NOTICED_MS : facts.wasLate ? LATE_EDGE_MS : EDGE_MS
  if (liesInGap(spoken, facts.gaps, facts.startMs, lateMs + facts.clockMs)) return 'gap'
  const heard = facts.speech.sessions.flatMap(({ id, reader }) => {
    const record = facts.sessions.find(({ vendorId }) => vendorId === id)
    const how = reader.heard(spoken.id)
    return how === null ? [] : [{ how, end: record === undefined ? 'unknown' : record.endReason }]
  })
  if (heard.some(({ how, end }) => how === 'whole' && end === 'done')) return 'none'
  if (heard.some(({ end }) => end !== 'unknown' && end !== 'done') && isDoubted(facts) && isNextToText(spoken, facts)) return 'session'
  if (heard.some(({ how, end }) => how === 'piece' && end !== 'unknown')) return 'piece'
  // its session had not reached the store when its bot was replaced
  if (heard.some(({ end }) => end === 'unknown') && facts.takeovers.length > 0 && isDoubted(facts)) return 'session'
  if (isUnknown(spoken, facts) || cameInAbsence(spoken, facts)) return 'unknown'
  return 'none'
}

/** Voice and texts do not begin and end with each other to the ms. */
function isNextToText({ name, startMs }: Spoken, { segments, startMs: meetingStartMs, wereLost, clockMs }: LossFacts): boolean {
  const atMs = startMs - meetingStartMs
  const nearMs = NEAR_TEXT_MS + clockMs + (wereLost ? NOTICED_MS : 0)
  return segments.some((one) => one.identity === name && one.startMs - nearMs <= atMs + BLOCK_MS && one.endMs + nearMs >= atMs)
}

/** The transcript says that texts of a session may be missing, and the service would not, or could not, be asked for them. */
function isDoubted({ coverage, speech, takeovers, stopMs }: LossFacts): boolean {
  const doubts = coverage?.doubts ?? []
  // a claim may come when there is nothing left to take over
  if (takeovers.length > 0 && doubts.includes('taken_over')) return true
  const isOut = Math.max(speech.downUntilMs, speech.blackholeUntilMs) > stopMs
  return doubts.includes('session') && (!speech.habits.keepsResults || isOut)
}

/** Its speaker had left, came back while the owner of the meeting was not in the room, and was gone when it was back: rule N3 of absences. */
function cameInAbsence({ name, startMs }: Spoken, { people, gaps, startMs: meetingStartMs }: LossFacts): boolean {
  const atMs = startMs - meetingStartMs
  const { leftMs = null } = people.find(({ identity }) => identity === name) ?? {}
  if (leftMs === null || leftMs > atMs) return false
  return gaps.some(({ reason, fromMs, toMs }) => reason === 'reconnecting' && fromMs - EDGE_MS <= atMs && atMs <= toMs)
}

/** Its speaker came while no bot that ran was connected, or too shortly before a takeover for the store to know. */
function isUnknown(spoken: Spoken, { takeovers, startMs, wasFrozen }: LossFacts): boolean {
  if (spoken.isUnseen && spoken.isUnattended) return true
  // the last one may never have been in the room, and a frozen one hears on for a moment before it knows that it was replaced
  const isBehind = spoken.isUnattended || wasFrozen
  const next = takeovers.find(({ atMs }) => atMs + JOINING_MS > spoken.startMs) ?? (isBehind ? takeovers.at(-1) : undefined)
  if (!next) return false
  const known = next.people.get(spoken.name)
  const atMs = spoken.startMs - startMs
  return known === undefined || (known.leftMs !== null && known.leftMs <= atMs) || atMs < known.joinedMs
}
