import { playVerdict, type PlayEvent } from '../../src/standins/actors/play-event.js'
import { meetingMsOf } from '../../src/live/transcript/span-index.js'
import type { CrowdFacts } from './crowd-stage.js'
import { marksVerdict, returnedMarks, type MarksVerdict, type ReturnedMark, type SpokenMark } from './marks-verdict.js'
import { identityOf } from './eight-people.js'
import { spokenMarks } from './spoken-marks.js'

/** What one meeting of marks shows. */
export interface CrowdReport {
  readonly verdict: MarksVerdict
  /**
   * what the run may be used for: above 500 ms of lateness or stall it says nothing, above 100 ms nothing about timing. Nothing either when all that is
   * wrong is audio told as not received while the machine was short of cores, which shows in no event loop
   */
  readonly health: ReturnType<typeof playVerdict>
  readonly worstMs: { readonly sender: number; readonly senderLoop: number; readonly botLoop: number }
  /** of the largest session */
  readonly channels: number
  /** sessions after the first */
  readonly rolls: number
  /** channel-seconds billed against a channel each for as long as they were there */
  readonly billedRatio: number
  /** channel-seconds billed against seconds of speech */
  readonly billedToSpeech: number
  /** why it did not hold, a line a fault with what was around it; empty when it did */
  readonly faults: readonly string[]
}

/** Largest error of a position, by what the run may be used for: lateness of up to 500 ms is in it where it says nothing about timing. */
export const MAX_POSITION_MS = { valid: 150, no_timing: 600, invalid: Number.POSITIVE_INFINITY } as const
const CHORD_MS = 160
const SLOT_MS = 200
const AROUND_MS = 1_500
/** what is sent before voice that begins is longer: whoever was late with it has less before the mark */
const LEAD_MS = 200
const OPENINGS: ReadonlySet<string> = new Set(['join', 'rejoin', 'republish', 'unmute'])
/** what a starved thread loses at once, at most, and how long after it begins to wait */
const STARVED_MS = 500
/** between a step's end as its process tells it and the opening as the bot sees it */
const OPENED_WITHIN_MS = 1_000

/** Compares a meeting of marks with its script. */
export function crowdReport(facts: CrowdFacts): CrowdReport {
  const { script, events, sessions } = facts
  const { spoken, stated } = spokenMarks(events, script.cast)
  const verdict = marksVerdict(spoken, stated, returnedMarks(facts.transcript.segments), identityOf)
  const worstLoopDelayMs = Math.max(facts.actors.worstLoopDelayMs, facts.bot.worstDelayMs)
  const told = playVerdict({ ...facts.actors, worstLoopDelayMs })
  const billedSec = sessions.reduce((sum, session) => sum + (session.sentFrames * session.channels) / session.sampleRate, 0)
  const { faults, isStarved } = faultsOf(facts, verdict, spoken, told)
  return {
    verdict,
    health: isStarved ? 'invalid' : told,
    worstMs: { sender: facts.actors.worstLatenessMs, senderLoop: facts.actors.worstLoopDelayMs, botLoop: facts.bot.worstDelayMs },
    channels: Math.max(0, ...sessions.map(({ channels }) => channels)),
    rolls: Math.max(0, sessions.length - 1),
    billedRatio: billedSec / presentSec(facts),
    billedToSpeech: billedSec / (((verdict.expected + stated.length) * SLOT_MS) / 1000),
    faults,
  }
}

/** Seconds in which microphones were open to be heard, of all people. */
function presentSec({ script, events, t0Ms, endMs }: CrowdFacts): number {
  return script.cast.reduce((sum, { identity }) => {
    const steps = events.filter((event) => event.kind === 'step').filter((event) => event.identity === identity)
    let sinceMs = steps[0]?.do === 'join' ? Number.NaN : t0Ms
    let presentMs = 0
    for (const step of steps) {
      if (step.do === 'join' || step.do === 'rejoin') sinceMs = step.endedMs
      if (step.do !== 'leave') continue
      presentMs += step.startedMs - sinceMs
      sinceMs = Number.NaN
    }
    return sum + (presentMs + (Number.isNaN(sinceMs) ? 0 : endMs - sinceMs)) / 1000
  }, 0)
}

/** @returns the faults, and whether a starved machine explains them all */
function faultsOf(
  facts: CrowdFacts,
  verdict: MarksVerdict,
  spoken: readonly SpokenMark[],
  health: CrowdReport['health'],
): { faults: string[]; isStarved: boolean } {
  const tell = (what: string, marks: readonly (ReturnedMark | SpokenMark)[]) => marks.map((mark) => explained(what, mark, facts, verdict))
  const worst = verdict.positionErrorMs.at(-1) ?? 0
  const isTold = (mark: SpokenMark) => gapsAt(identityOf(mark.who), mark.playMs + verdict.clockMs, facts).length > 0
  const hasGaps = !facts.transcript.complete && !hasOnlyLateStarts(facts, verdict, spoken)
  const told = [
    ...tell('lost', verdict.missing.filter(isTold)),
    ...(hasGaps ? ['the transcript is not called complete', ...gapLines(facts)] : []),
  ]
  const others = [
    ...tell('wrong name', verdict.wrong),
    ...tell('doubled', verdict.doubled),
    ...tell(
      'lost without a gap',
      verdict.missing.filter((mark) => !isTold(mark)),
    ),
    ...tell('spoken by nobody', verdict.foreign),
    ...tell(
      'first mark not whole',
      verdict.onsets.incomplete.filter((mark) => health === 'valid' || !isCutInRoom(mark, facts, verdict)),
    ),
    ...(worst > MAX_POSITION_MS[health] ? [`a mark lies ${Math.round(worst)} ms beside its place`] : []),
    ...facts.events.flatMap((event) => (event.kind === 'failed' ? [`${event.identity} could not ${event.do}: ${event.message}`] : [])),
  ]
  return { faults: [...others, ...told], isStarved: told.length > 0 && others.length === 0 && isShortOfCores(facts, verdict) }
}

/** Whether nothing is doubted but audio that never came to the bot. */
const lacksOnlyReceived = ({ gaps, transcript }: CrowdFacts): boolean =>
  transcript.doubts.every((doubt) => doubt === 'gaps') && gaps.every(({ reason }) => reason === 'not_received')

/** Whether all that is doubted is short pieces of audio that never came while the machine had nothing to spare. */
const isShortOfCores = (facts: CrowdFacts, { clockMs }: MarksVerdict): boolean =>
  lacksOnlyReceived(facts) &&
  facts.gaps.every(
    ({ fromMs, toMs }) =>
      toMs - fromMs <= STARVED_MS &&
      facts.busy.some((one) => one.fromMs + clockMs < toMs + STARVED_MS && one.toMs + clockMs > fromMs - STARVED_MS),
  )

/** The same mark as it came back shorter than it was spoken. */
const cutOf = (mark: SpokenMark, { cut }: MarksVerdict) => cut.find(({ who, n }) => who === mark.who && n === mark.n)

/** Whether the bot sent all of the mark's time, and more before it: then it is the room's receiver that cut it, which drops 40 ms to catch up with a stall. */
function isCutInRoom(mark: SpokenMark, { spans }: CrowdFacts, verdict: MarksVerdict): boolean {
  const identity = identityOf(mark.who)
  const atMs = mark.playMs + verdict.clockMs
  const isAllSent = spans.some(
    (span) => span.identity === identity && span.meetingMs <= atMs - LEAD_MS && meetingMsOf(span, span.toFrame) >= atMs + CHORD_MS,
  )
  return isAllSent && cutOf(mark, verdict)?.identity === identity
}

/**
 * Whether nothing is doubted but microphones that were subscribed to late, on a busy machine, while nobody spoke into them: before the start, when
 * thirty open at once, or from the step on that opened one.
 */
function hasOnlyLateStarts(facts: CrowdFacts, { clockMs }: MarksVerdict, spoken: readonly SpokenMark[]): boolean {
  const isLateStart = (gap: CrowdFacts['gaps'][number]) =>
    gap.toMs <= facts.t0Ms + clockMs ||
    facts.events.some((event) => isOpening(event, gap.identity) && Math.abs(event.endedMs + clockMs - gap.fromMs) < OPENED_WITHIN_MS)
  const isSilent = (gap: CrowdFacts['gaps'][number]) =>
    !spoken.some(
      ({ who, playMs }) => identityOf(who) === gap.identity && gapsAt(gap.identity, playMs + clockMs, { gaps: [gap] }).length > 0,
    )
  return lacksOnlyReceived(facts) && facts.gaps.every((gap) => isLateStart(gap) && isSilent(gap))
}

/** Whether the step opened a microphone of that person. */
const isOpening = (event: PlayEvent, identity: string): event is Extract<PlayEvent, { kind: 'step' }> =>
  event.kind === 'step' && event.identity === identity && OPENINGS.has(event.do)

function gapLines({ gaps, transcript }: CrowdFacts): string[] {
  return [
    ...gaps.map((gap) => `  gap of ${gap.identity} ${gap.fromMs}-${gap.toMs} ${gap.reason}`),
    ...transcript.coverage.filter((row) => row.lostMs > 0).map((row) => `  ${row.identity} lost ${row.lostMs} ms`),
  ]
}

/** Whether what was lost ever came to the bot: voice that it heard of a person, beside what that person spoke. */
function heardOf(identity: string, { transcript, events, script }: CrowdFacts): string {
  const row = transcript.coverage.find((one) => one.identity === identity)
  const marks = spokenMarks(events, script.cast).spoken.filter(({ who }) => identityOf(who) === identity).length
  return `spoken ${marks * SLOT_MS} ms; heard ${row?.speechMs ?? 0}, sent ${row?.sentSpeechMs ?? 0}, returned ${row?.returnedSpeechMs ?? 0} ms`
}

/** Gaps in which a mark lies that would be heard at that meeting ms. */
const gapsAt = (identity: string, atMs: number, { gaps }: Pick<CrowdFacts, 'gaps'>) =>
  gaps.filter((gap) => gap.identity === identity && gap.fromMs < atMs + CHORD_MS && gap.toMs > atMs)

/** How long the microphone had been open when a mark was spoken, and since when the person was heard: whether the bot came too late to it. */
function openedBefore({ playMs }: SpokenMark, identity: string, facts: CrowdFacts, { clockMs }: MarksVerdict): string {
  const opening = facts.events.findLast((event) => isOpening(event, identity) && event.startedMs <= playMs)
  const since = opening?.kind === 'step' ? `${opening.do} ${Math.round(playMs - opening.endedMs)} ms before` : 'open since before T0'
  const heardMs = Math.min(...facts.spans.flatMap((span) => (span.identity === identity ? [span.meetingMs] : [])))
  const heard = heardMs === Infinity ? 'never heard' : `first heard ${Math.round(playMs + clockMs - heardMs)} ms before`
  return `${Math.round(playMs - facts.t0Ms)} ms after T0; ${since}; ${heard}`
}

/** One fault with what was around it: where it came back, the person's spans, the channel's spans. */
function explained(what: string, mark: ReturnedMark | SpokenMark, facts: CrowdFacts, verdict: MarksVerdict): string {
  const identity = identityOf(mark.who)
  const back = 'startMs' in mark ? mark : cutOf(mark, verdict)
  const atMs = Math.round(back ? back.startMs : (mark as SpokenMark).playMs + verdict.clockMs)
  const number = new Map(facts.sessions.map(({ sessionId }, at) => [sessionId as string, at]))
  const spanLine = (span: CrowdFacts['spans'][number]) => {
    const endMs = meetingMsOf(span, span.toFrame)
    return `s${number.get(span.sessionId) ?? '?'}/${span.channel} ${span.identity} frames ${span.fromFrame}-${span.toFrame} meeting ${Math.round(span.meetingMs)}-${Math.round(endMs)}`
  }
  const isNear = (span: CrowdFacts['spans'][number]) =>
    span.meetingMs < atMs + AROUND_MS && meetingMsOf(span, span.toFrame) > atMs - AROUND_MS
  const spans = facts.spans.filter(
    (span) => isNear(span) && (span.identity === identity || (span.sessionId === back?.sessionId && span.channel === back.channel)),
  )
  const steps = facts.events.flatMap((event) => {
    if (event.kind !== 'step' || event.identity !== identity) return []
    const fromMs = Math.round(event.startedMs + verdict.clockMs)
    return Math.abs(fromMs - atMs) < 3_000 ? [`${event.do} at ${fromMs}`] : []
  })
  const gaps = gapsAt(identity, atMs, facts)
  return [
    `${what}: w${mark.who}n${mark.n} of ${identity} at ${atMs} ms of the meeting`,
    ...(back
      ? [`  came back as ${back.identity} on s${number.get(back.sessionId) ?? '?'}/${back.channel}, ${back.startMs}-${back.endMs}`]
      : []),
    ...spans.toSorted((a, b) => a.meetingMs - b.meetingMs).map((span) => `  span ${spanLine(span)}`),
    ...gaps.map((gap) => `  gap ${gap.fromMs}-${gap.toMs} ${gap.reason}`),
    ...steps.map((step) => `  ${step}`),
    ...(what.startsWith('lost')
      ? [`  ${heardOf(identity, facts)}`, `  ${openedBefore(mark as SpokenMark, identity, facts, verdict)}`]
      : []),
  ].join('\n')
}
