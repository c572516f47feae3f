import { systemClock } from '../../src/core/time.js'
import type { Gap } from '../../src/live/audio/span.js'
import { BotStage } from './bot-stage.js'
import { spawnCrowd, type CrowdActors } from './crowd-actors.js'
import { healthOf, healthy, worstOf, type Health } from './healthy.js'
import { seeded } from './marks-audio.js'
import { steadyTalk, talkVerdict, type TalkVerdict } from './steady-talk.js'
import { until } from './until.js'

/** What stopping bots in mid-meeting, in order, showed. */
export interface DrainsReport {
  readonly drains: number
  /** how long nobody listened, each drain and meeting: gaps that touch are one, whatever their reason */
  readonly drainGapMs: readonly number[]
  /** the same of gaps that no handover is told to be the reason of */
  readonly otherGapMs: readonly number[]
  /** from the signal to the end of the process, each drain */
  readonly exitMs: readonly number[]
  readonly exitCodes: readonly number[]
  /** marks that neither came back nor lie in a gap of their speaker */
  readonly lost: number
  readonly doubled: number
  /** under another person's name, or that nobody spoke */
  readonly misattributed: number
  /** came back under no name */
  readonly unnamed: number
  /** marks told of as not heard */
  readonly inGaps: number
  /** meetings that had to be ended, or whose state left `live` */
  readonly ended: number
  readonly returned: number
  /** meetings whose receipt does not know what an earlier process heard */
  readonly unaccounted: number
  /** of all rounds that count */
  readonly health: Health
  /** drains in rounds that do not count, since the speakers were late, twice: nothing above tells of them */
  readonly invalid: number
  /** of each meeting, for explaining */
  readonly verdicts: readonly TalkVerdict[]
}

/** Some drains of the same meetings. */
type Round = Pick<
  DrainsReport,
  'drains' | 'drainGapMs' | 'otherGapMs' | 'exitMs' | 'exitCodes' | 'ended' | 'unaccounted' | 'health' | 'verdicts'
>

/** A time of which nothing is in the transcript. */
interface Hole {
  readonly fromMs: number
  toMs: number
  isHandover: boolean
}

/** How long nobody listened, each time: gaps that touch are one, whoever's they are and whatever their reason. */
function holesOf(gaps: readonly Gap[]): readonly Hole[] {
  const holes: Hole[] = []
  for (const { fromMs, toMs, reason } of gaps.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const isHandover = reason === 'taken_over'
    const last = holes.at(-1)
    if (last && fromMs <= last.toMs + 100) {
      last.toMs = Math.max(last.toMs, toMs)
      last.isHandover ||= isHandover
    } else holes.push({ fromMs, toMs, isHandover })
  }
  return holes
}

/** The lengths of holes. */
const lengthsOf = (holes: readonly Hole[], isHandover: boolean): number[] =>
  holes.filter((one) => one.isHandover === isHandover).map(({ fromMs, toMs }) => toMs - fromMs)

/** What one drain may take at most, for the length of the talk. */
const DRAIN_SEC = 14
/** Drains of the same meetings. */
const DRAINS_A_ROUND = 10

/**
 * Stops the process that runs the meetings with SIGTERM, again and again at random moments, with one other process to hand them to.
 * @param queue where the jobs are
 * @param meetings at once, all in the process that is stopped
 * @param isGated a round whose speakers were late is repeated once, then left out
 */
export async function runDrains(options: {
  readonly count: number
  readonly seed: number
  readonly queue?: 'redis' | 'sql'
  readonly meetings?: number
  readonly isGated?: boolean
}): Promise<DrainsReport> {
  const { meetings = 1 } = options
  const random = seeded(options.seed)
  await using stage = await BotStage.start(options.queue ?? 'redis')
  await stage.serve()
  let owner = await stage.bot()
  let rooms = 0
  const round = async (count: number): Promise<Round> => {
    const script = steadyTalk(count * DRAIN_SEC + 10)
    const { url, apiKey, apiSecret } = stage.livekit
    const names = Array.from({ length: meetings }, () => `drains-${rooms++}`)
    const actors: CrowdActors[] = names.map((room) => spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script }))
    try {
      await Promise.all(actors.map((one) => one.ready))
      const ids = await Promise.all(names.map((room) => stage.meeting(room)))
      await Promise.all(ids.map((id) => stage.owner(id)))
      let next = await stage.bot()
      for (const one of actors) one.go()
      await systemClock.sleep(2_000)
      const exitMs: number[] = []
      const exitCodes: number[] = []
      for (let at = 0; at < count; at++) {
        await systemClock.sleep(1_500 + random() * 2_000)
        const old = owner
        const fromMs = systemClock.monotonicMs()
        stage.retired(old)
        old.signal('SIGTERM')
        await Promise.all(ids.map((id) => stage.owner(id)))
        exitCodes.push(await old.exited)
        exitMs.push(systemClock.monotonicMs() - fromMs)
        owner = next
        if (at + 1 < count) next = await stage.bot()
      }
      await systemClock.sleep(3_000)
      const untilMs = systemClock.monotonicMs() - 500
      const states = await Promise.all(ids.map((id) => stage.state(id)))
      await Promise.all(ids.map((id) => stage.stop(id)))
      const verdicts: TalkVerdict[] = []
      const drainGapMs: number[] = []
      const otherGapMs: number[] = []
      let unaccounted = 0
      for (const [at, id] of ids.entries()) {
        await until(async () => ['done', 'failed'].includes(await stage.state(id)))
        const { store } = stage.records
        const [segments, gaps] = [await store.segments(id), await store.gaps(id)]
        verdicts.push(talkVerdict(script, actors[at]?.events ?? [], segments, gaps, untilMs))
        const holes = holesOf(gaps)
        drainGapMs.push(...lengthsOf(holes, true))
        otherGapMs.push(...lengthsOf(holes, false))
        if ((await store.coverage(id))?.doubts.includes('taken_over') !== false) unaccounted++
      }
      const ended = states.filter((state) => state !== 'live').length
      return { drains: count, drainGapMs, otherGapMs, exitMs, exitCodes, ended, unaccounted, health: await healthOf(actors), verdicts }
    } finally {
      await Promise.all(actors.map((one) => one[Symbol.asyncDispose]()))
    }
  }
  const counted: Round[] = []
  let invalid = 0
  for (let done = 0; done < options.count; done += DRAINS_A_ROUND) {
    const count = Math.min(DRAINS_A_ROUND, options.count - done)
    const one = options.isGated === true ? await healthy(() => round(count)) : await round(count)
    if (options.isGated === true && one.health === 'invalid') invalid += count
    else counted.push(one)
  }
  const verdicts = counted.flatMap((one) => one.verdicts)
  const sum = (of: (verdict: TalkVerdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0)
  const total = (of: (one: Round) => number) => counted.reduce((all, one) => all + of(one), 0)
  return {
    drains: total((one) => one.drains),
    drainGapMs: counted.flatMap((one) => one.drainGapMs),
    otherGapMs: counted.flatMap((one) => one.otherGapMs),
    exitMs: counted.flatMap((one) => one.exitMs),
    exitCodes: counted.flatMap((one) => one.exitCodes),
    lost: sum((one) => one.lost.length),
    doubled: sum((one) => one.doubled.length),
    misattributed: sum((one) => one.misattributed.length),
    unnamed: sum((one) => one.unnamed.length),
    inGaps: sum((one) => one.inGaps.length),
    ended: total((one) => one.ended),
    returned: sum((one) => one.returned),
    unaccounted: total((one) => one.unaccounted),
    health: worstOf(counted.map(({ health }) => health)),
    invalid,
    verdicts,
  }
}
