import type { Identity, SessionId } from '../../core/ids.js'
import type { SessionRecord } from '../../records/port.js'
import type { Gap, Span } from '../audio/span.js'
import { AUDIO_TUNABLES, blockMsOf } from '../audio/tunables.js'
import { gapsOf } from '../transcript/coverage.js'
import { common, lengthOf, merged, without, type Range } from '../transcript/ranges.js'
import type { Segment } from '../transcript/segment.js'
import { FRAMES_PER_MS, meetingMsOf } from '../transcript/span-index.js'
import { IN_FLIGHT_MS } from './inheritance.js'
import type { LastHeard } from './last-heard.js'
import { stillPending } from './pending-texts.js'

/** What bots that are gone had sent, and what is known of its fate. */
export interface Bequest {
  /** of their sessions only */
  readonly spans: readonly Span[]
  readonly sessions: readonly SessionRecord[]
  /** stored by them, or found since */
  readonly segments: readonly Segment[]
  /** written down already */
  readonly gaps: readonly Gap[]
  /** runs of frames that are sent again: what becomes of them is told there */
  readonly adopted: readonly { readonly sessionId: SessionId; readonly fromFrame: number; readonly toFrame: number }[]
  /** whether the texts of what the service had acknowledged are there, or may still come */
  readonly hasTexts: (sessionId: SessionId) => boolean
  /** what bots heard last that gave the meeting away and died */
  readonly left: readonly LastHeard[]
}

/** What is shorter is the edge of something else. */
const LEAST_MS = 100
/** What is known to the frame comes in blocks: less is rounding. */
const LEAST_UNWRITTEN_MS = blockMsOf(AUDIO_TUNABLES) / 2

/**
 * Meeting time of each person that was sent by bots that died, and of which no text comes any more: what the service had not
 * acknowledged, and of what it had, as far as its texts are not to be had, the last that a text may be missing for. What a bot lived to
 * end, it has written down itself. Which of it was voice nobody knows: voice is not stored with the spans.
 */
export function unreturned(bequest: Bequest): Gap[] {
  const people = new Set([...bequest.spans.map(({ identity }) => identity), ...bequest.left.map(({ identity }) => identity)])
  return [...people].flatMap((identity) => {
    const { fine, suspect, unwritten } = fateOf(identity, bequest)
    const isMissing = (range: Range) => lengthOf([range]) >= LEAST_MS || lengthOf(common([range], unwritten)) >= LEAST_UNWRITTEN_MS
    for (const gap of bequest.gaps) if (gap.identity === identity) fine.push([gap.fromMs, gap.toMs])
    for (const one of bequest.segments) if (one.identity === identity) fine.push([one.startMs, one.endMs])
    const missing = without(merged(suspect), merged(fine)).filter(isMissing)
    return gapsOf(identity, 'taken_over', missing)
  })
}

/** `unwritten`: what of it a disk did not have yet whose audio before it is sent again, merged. */
function fateOf(
  identity: Identity,
  { spans, sessions, segments, adopted, hasTexts, left }: Bequest,
): { fine: Range[]; suspect: Range[]; unwritten: Range[] } {
  const records = new Map(sessions.map((record) => [record.sessionId, record]))
  const fine: Range[] = []
  const suspect: Range[] = []
  const unwritten: Range[] = []
  const own = segments.filter((segment) => segment.identity === identity)
  // the one text of a session that does not come in order: it came when no connection stood, and the bot did not live to ask for it
  const pending = sessions
    .filter(({ sessionId, endReason }) => endReason !== 'done' && !hasTexts(sessionId))
    .flatMap(({ pendingTexts = [] }) => pendingTexts.filter((one) => one.identity === identity))
  const waiting = merged(stillPending(pending, own).map(({ fromMs, toMs }): Range => [fromMs, toMs]))
  const textUntil = (of: readonly Segment[]) => of.reduce((ms, { endMs }) => Math.max(ms, endMs), 0)
  for (const span of spans.filter((one) => one.identity === identity)) {
    const { sessionId, channel, fromFrame, toFrame } = span
    const at = (frame: number) => meetingMsOf(span, Math.min(toFrame, Math.max(fromFrame, frame)))
    const record = records.get(sessionId)
    const acknowledged = record?.acknowledgedFrames ?? 0
    const isOver = record !== undefined && record.endReason !== null
    const sure = isOver || hasTexts(sessionId) ? acknowledged : acknowledged - IN_FLIGHT_MS * FRAMES_PER_MS
    fine.push([at(fromFrame), at(sure)])
    // texts of a channel come in order
    const told = own.filter((one) => one.sessionId === sessionId && one.channel === channel)
    if (!isOver) suspect.push([Math.max(at(sure), textUntil(told)), at(toFrame)])
    const runs = adopted.filter((run) => run.sessionId === sessionId)
    for (const run of runs) fine.push([at(run.fromFrame), at(run.toFrame)])
    const lastFrame = runs.reduce((last, run) => Math.max(last, run.toFrame), 0)
    if (lastFrame > 0 && !isOver) unwritten.push([Math.max(at(sure), at(lastFrame)), at(toFrame)])
  }
  for (const last of left.filter((one) => one.identity === identity)) {
    // whoever heard them later has texts too by now
    const before = own.filter(({ startMs }) => startMs < last.untilMs)
    suspect.push([Math.max(last.fromMs, textUntil(before)), last.untilMs])
  }
  return { fine: without(merged(fine), waiting), suspect: [...suspect, ...waiting], unwritten: merged(unwritten) }
}
