import { systemClock } from '../../src/core/time.js'
import { BotStage } from './bot-stage.js'
import { spawnCrowd } from './crowd-actors.js'
import { healthOf, healthy, worstOf, type Health } from './healthy.js'
import { seeded } from './marks-audio.js'
import { steadyTalk, talkVerdict, type TalkVerdict } from './steady-talk.js'
import { until } from './until.js'

/** What killing bots in mid-meeting showed. */
export interface KillsReport {
  readonly kills: number
  /** from the signal to the first sound that another process heard, each */
  readonly takeoverMs: readonly number[]
  /** marks that neither came back nor lie in a gap of their speaker */
  readonly lost: number
  readonly doubled: number
  /** under another person's name, or that nobody spoke */
  readonly misattributed: number
  /** came back under no name: the store has the spans of a bot that died but for its last second */
  readonly unnamed: number
  /** marks told of as not heard */
  readonly inGaps: number
  readonly returned: number
  /** of all runs that count */
  readonly health: Health
  /** kills in runs that do not count, since the speakers were late, twice: nothing above tells of them */
  readonly invalid: number
  /** of each meeting, for explaining */
  readonly verdicts: readonly TalkVerdict[]
}

/** Spans are stored once a second: of hardly any word, the last ones before a kill, is it unknown whose it is. */
export const UNNAMED_A_KILL = 2

/** One meeting. */
interface Round {
  readonly takeoverMs: readonly number[]
  readonly verdict: TalkVerdict
  readonly health: Health
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGSEGV', 'SIGABRT']
/** Kills in one meeting: below the number of worker deaths that make a job a dead letter. */
const KILLS_A_MEETING = 10
/** What one kill may take at most, for the length of the talk. */
const ROUND_SEC = 13
const TAKEOVER_LIMIT_MS = 30_000

/**
 * Kills the bot of a meeting again and again at random moments, with one other process ready to take it over.
 * @param queue where the jobs are
 * @param isGated a meeting whose speakers were late is repeated once, then left out
 */
export async function runKills(options: {
  readonly count: number
  readonly seed: number
  readonly queue?: 'redis' | 'sql'
  readonly isGated?: boolean
}): Promise<KillsReport> {
  const random = seeded(options.seed)
  await using stage = await BotStage.start(options.queue ?? 'redis')
  await stage.serve()
  await Promise.all([stage.bot(), stage.bot()])
  let rooms = 0
  const round = async (kills: number): Promise<Round> => {
    const takeoverMs: number[] = []
    const room = `kills-${rooms++}`
    const script = steadyTalk(kills * ROUND_SEC + 10)
    const { url, apiKey, apiSecret } = stage.livekit
    await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
    const id = await stage.meeting(room)
    await actors.ready
    let owner = await stage.owner(id)
    actors.go()
    await stage.heard(owner, id)
    for (let at = 0; at < kills; at++) {
      await systemClock.sleep(random() * 3_000)
      const killedMs = await stage.kill(owner, SIGNALS[Math.floor(random() * SIGNALS.length)] ?? 'SIGKILL')
      const replacement = stage.bot()
      owner = await stage.owner(id, TAKEOVER_LIMIT_MS)
      takeoverMs.push((await stage.heard(owner, id)) - killedMs)
      await replacement
    }
    await systemClock.sleep(2_000)
    const untilMs = systemClock.monotonicMs() - 500
    await stage.stop(id)
    await until(async () => ['done', 'failed'].includes(await stage.state(id)))
    const { store } = stage.records
    const [segments, gaps] = [await store.segments(id), await store.gaps(id)]
    const verdict = talkVerdict(script, actors.events, segments, gaps, untilMs)
    return { takeoverMs, verdict, health: await healthOf([actors]) }
  }
  const counted: Round[] = []
  let invalid = 0
  for (let done = 0; done < options.count; done += KILLS_A_MEETING) {
    const kills = Math.min(KILLS_A_MEETING, options.count - done)
    const one = options.isGated === true ? await healthy(() => round(kills)) : await round(kills)
    if (options.isGated === true && one.health === 'invalid') invalid += kills
    else counted.push(one)
  }
  const takeoverMs = counted.flatMap((one) => one.takeoverMs)
  const verdicts = counted.map(({ verdict }) => verdict)
  const sum = (of: (verdict: TalkVerdict) => number) => verdicts.reduce((total, verdict) => total + of(verdict), 0)
  return {
    kills: takeoverMs.length,
    takeoverMs,
    lost: sum((one) => one.lost.length),
    doubled: sum((one) => one.doubled.length),
    misattributed: sum((one) => one.misattributed.length),
    unnamed: sum((one) => one.unnamed.length),
    inGaps: sum((one) => one.inGaps.length),
    returned: sum((one) => one.returned),
    health: worstOf(counted.map(({ health }) => health)),
    invalid,
    verdicts,
  }
}
