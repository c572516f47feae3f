import type { Segment } from '../../../src/live/transcript/segment.js'
import type { MeetingReason } from '../../../src/records/port.js'
import { handoverViolations } from './handovers.js'
import { explain, liesInGap, type Explanation } from './losses.js'
import { unnamedWords } from './names.js'
import type { Running } from './processes.js'
import { recordViolations } from './records.js'
import type { SimWorld, WorldKind } from './world.js'

/** What a simulated meeting left. */
export interface SimRemains {
  readonly seed: number
  readonly world: SimWorld
  readonly runs: readonly Running[]
  readonly isEnded: boolean
  /** of each process, what it had left when it had ended */
  readonly timers: readonly number[]
  /** what went wrong with the audio that was left on disks */
  readonly wrongAfter: readonly string[]
  readonly plan: readonly string[]
}

/** What became of a simulated meeting, and which invariants it broke. */
export interface SimVerdict {
  readonly seed: number
  readonly world: WorldKind
  readonly faults: readonly string[]
  readonly spoken: number
  readonly returned: number
  /** handed to a bot, and in no text */
  readonly lost: number
  /** of these, those that lie in no gap of their speaker, by what explains it */
  readonly ungapped: Readonly<Partial<Record<Explanation, number>>>
  /** words that stand under no name */
  readonly unnamed: number
  readonly complete: boolean
  readonly state: string
  readonly violations: readonly string[]
}

/** how far a word may stand from where it was said */
const POSITION_MS = 150
/** a process that was frozen reads late what came meanwhile, and may date it so at first; so does one that frames come to in a burst */
const LATE_MS = 15_000
const BURST_MS = 1_500
/** what may go missing of a person unseen: right before their track ends */
const UNSEEN_BLOCKS = 22
/** blocks at the edge of what a gap tells: gaps follow packets and ticks */
const EDGE_MS = 150

/** Holds what is stored against what was spoken. */
export async function judgeMeeting(remains: SimRemains): Promise<SimVerdict> {
  const { seed, world, runs, isEnded, plan } = remains
  const { room, store, speech, disks, people, meetingId } = world
  const segments = await store.segments(meetingId)
  const spans = await store.spans(meetingId)
  const violations = [
    ...store.violations,
    ...remains.wrongAfter,
    ...recordViolations(spans, segments, plan.includes('freeze') ? LATE_MS : plan.includes('burst') ? BURST_MS : 0),
  ]
  const gaps = await store.gaps(meetingId)
  const coverage = await store.coverage(meetingId)
  const { state, reason, startedAt, participants } = await store.meeting(meetingId)
  const startMs = startedAt === null ? 0 : Date.parse(startedAt) - 1_700_000_000_000
  // texts that came after a bot was dead stand where the spans that it had stored say
  const jumped = runs.length > 1
  const byId = new Map(room.spoken.map((spoken) => [spoken.id, spoken]))
  const sessions = await store.sessions(meetingId)
  const areApart = disks.length > 1
  const names = unnamedWords(segments, {
    spans,
    spoken: byId,
    takeovers: store.takeovers,
    sessions,
    speech,
    plan,
    areApart,
    isLater: (span, segment, slackMs) => store.isLater(span, segment, slackMs),
  })
  violations.push(...names.violations)
  const returned = new Map<number, string>()
  let echoes = 0
  if (!isEnded) violations.push('I8 the meeting did not end')
  // finals come in any order, and an echo is what is said again: its segment never begins before that of the first
  for (const { identity, words, sessionId } of segments.toSorted((a, b) => a.startMs - b.startMs)) {
    for (const { text, startMs: wordMs } of words) {
      const spoken = byId.get(Number(text.slice(1)))
      if (!spoken) violations.push(`I2 ${text} was never said`)
      else {
        if (identity !== null && identity !== spoken.name) violations.push(`I2 ${text} of ${spoken.name} is under ${identity}`)
        const first = returned.get(spoken.id)
        // the probe of a connection repeats up to 0.1 s of audio: an echo in the same session, not a second utterance
        if (first === sessionId && echoes < 2 * speech.connections) {
          echoes++
          continue
        }
        if (first !== undefined) violations.push(`I2 ${text} stands twice`)
        returned.set(spoken.id, sessionId)
        const offMs = wordMs - (spoken.startMs - startMs)
        // that frames are missing is known only after a while, and who begins while nobody listens is dated by when somebody does
        if (!jumped && !plan.includes('frames_lost') && !plan.includes('freeze') && Math.abs(offMs) > POSITION_MS)
          violations.push(`I4 ${text} is ${Math.round(offMs)} ms off`)
      }
    }
  }
  // what a log still holds goes to the store with the next start of a process; what a bot in between had from the result needs not to
  const kept = new Set<string>([...segments, ...disks.flatMap((disk) => disk.segments)].map(({ id }) => id))
  const isKept = ({ id, words }: Segment) => kept.has(id) || words.every(({ text }) => returned.has(Number(text.slice(1))))
  for (const { told } of runs) for (const one of told) if (!isKept(one)) violations.push(`I1 ${one.id} was told and is not stored`)
  const stopMs = endMsOf(remains, reason)
  // a bot that was never in the room has ended the meeting; one that was frozen, and has lost it, may be handed something yet
  const isAfter = ({ startMs: atMs }: { readonly startMs: number }) => reason === 'shutdown' && atMs >= stopMs
  const lost = room.spoken.filter((spoken) => spoken.wasHeard && !returned.has(spoken.id) && !isAfter(spoken))
  const unheard = room.spoken.filter(({ wasHeard, startMs: atMs }) => !wasHeard && atMs < stopMs)
  if (world.kind === 'whole') violations.push(...handoverViolations(lost, gaps, startMs, remains))
  const facts = {
    speech,
    gaps,
    sessions,
    coverage,
    takeovers: store.takeovers,
    segments,
    people: participants,
    wasFrozen: plan.includes('freeze'),
    wereLost: plan.includes('frames_lost'),
    clockMs: store.takeovers.length > 0 ? world.faults.slowestMs / 2 : 0,
    wasLate: plan.includes('freeze') || plan.includes('burst'),
    startMs,
  }
  const ungapped: Partial<Record<Explanation, number>> = {}
  for (const spoken of lost) {
    const why = explain(spoken, { ...facts, stopMs })
    if (why === 'gap') continue
    ungapped[why] = (ungapped[why] ?? 0) + 1
    if (why === 'none' && ungapped.none === 1) violations.push(`I4 b${spoken.id} of ${spoken.name} is lost, and in no gap`)
  }
  const complete = coverage?.complete ?? false
  // a block that the end of a session or a probe cuts is all there, but in two pieces: no word to a recogniser
  const { piece = 0 } = ungapped
  const cuts = speech.sessions.reduce((sum, { channels }) => sum + 2 * channels, 0) + speech.connections
  if (piece > cuts) violations.push(`I4 ${piece} blocks are said to be cut, in ${cuts} places`)
  if (complete && lost.length > piece) violations.push(`I11 complete, but ${lost.length - piece} blocks are lost`)
  // nobody misses whom no bot ever saw
  const seen = new Set<string>(coverage?.rows.map(({ identity }) => identity))
  const silent = unheard.filter((spoken) => !spoken.isUnseen && seen.has(spoken.name) && !liesInGap(spoken, gaps, startMs, EDGE_MS))
  // whoever takes a meeting over does not know of a track that the one before waited for
  const awaited = runs.length > 1 ? [] : unheard.filter((spoken) => spoken.isAwaited && !liesInGap(spoken, gaps, startMs, EDGE_MS))
  if (awaited.length > 0) violations.push(`I11 b${awaited[0]!.id} of ${awaited[0]!.name} was waited for, and is in no gap`)
  // what is lost on the way to a bot that stands still cannot be told from what comes late
  const isBlind = plan.includes('freeze') && plan.includes('frames_lost')
  if (complete && !isBlind && silent.length > UNSEEN_BLOCKS * people.length)
    violations.push(`I11 complete, but ${silent.length} blocks were not heard (b${silent[0]!.id})`)
  if (isEnded && coverage === null && state !== 'failed') violations.push(`I7 ended as ${state} without coverage`)
  for (const count of remains.timers) if (count > 0) violations.push(`I8 ${count} timers are left`)
  return {
    seed,
    world: world.kind,
    faults: plan,
    spoken: room.spoken.length,
    returned: returned.size,
    lost: lost.length,
    ungapped,
    unnamed: names.unnamed,
    complete,
    state,
    violations: violations.slice(0, 6),
  }
}

/**
 * When the end of the meeting was asked for, simulated ms. A process that is told to stop leaves the room at once, and ends the meeting, or
 * whoever takes it over then does; but not when another bot is in the room by then. One that has not come to be in it ends it too.
 */
function endMsOf({ world, runs }: SimRemains, reason: MeetingReason | null): number {
  if (reason !== 'shutdown') return world.lengthMs
  const last = runs.find(({ process }) => process === world.room.lastIn)
  const stoppedMs = last?.stoppedMs ?? runs.findLast((one) => one.stoppedMs !== null)?.stoppedMs
  return Math.min(world.lengthMs, stoppedMs ?? world.lengthMs)
}
