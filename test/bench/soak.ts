import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { toError } from '../../src/core/errors.js'
import { systemClock } from '../../src/core/time.js'
import { BotStage } from '../support/bot-stage.js'
import { spawnCrowd } from '../support/crowd-actors.js'
import { INSPECTED } from '../support/heap-left.js'
import { healthOf } from '../support/healthy.js'
import { jsonOption, whyNoReport } from '../support/json-option.js'
import { seeded } from '../support/marks-audio.js'
import { returnedMarks } from '../support/marks-verdict.js'
import { steadyTalk, talkVerdict, type TalkVerdict } from '../support/steady-talk.js'
import { until } from '../support/until.js'
import { gate } from './gate.js'
import { plot, type Sample } from './soak-plot.js'
import { warmUp } from './soak-warm-up.js'

/** `npm run soak -- --hours H [--out DIR] [--seed N] [--faults LIST] [--meeting-sec S] [--json FILE]`: meetings of four minutes one after the other, a fault a minute, on real parts. */
const FAULT_EVERY_MS = 60_000
const SAMPLE_MS = 10_000
const WARM_UP_MS = 5 * 60_000
const TAKEOVER_MS = 30_000
/** of the words; bots that are replaced leave a few, one that names nobody leaves all */
const UNNAMED_SHARE = 0.1

/** What became of the words. */
type Words = Readonly<Record<'returned' | 'inGaps' | 'lost' | 'doubled' | 'misattributed' | 'unnamed', number>>
const NO_WORDS: Words = { returned: 0, inGaps: 0, lost: 0, doubled: 0, misattributed: 0, unnamed: 0 }

interface SoakReport {
  readonly hours: number
  readonly seed: number
  readonly meetings: number
  readonly faults: Readonly<Record<string, number>>
  /** meetings whose speakers were late: of their words nothing is counted but in `notCounted` */
  readonly invalid: number
  readonly notCounted: Words
  readonly returned: number
  readonly inGaps: number
  readonly lost: number
  readonly doubled: number
  readonly misattributed: number
  /** came back under no name: their bot was replaced before the store had whose they are */
  readonly unnamed: number
  /** of `serve`, which is never killed, after the warm-up: of what is left after its collections, the least of each third of the time */
  readonly serveGrowthMbPerHour: number | null
  /** its heap after a full collection between any two meetings: least squares */
  readonly serveHeapGrowthMbPerHour: number | null
  /** the heap after each of them */
  readonly serveHeapLeftMb: readonly number[]
  /** resident, with the garbage that waits to be collected: least squares over all samples */
  readonly serveSlopeMbPerHour: number | null
  /** the worst that was sampled after the warm-up; null: none was */
  readonly serveLoopP99Ms: number | null
  readonly unfinished: readonly string[]
}

type Fault = (stage: BotStage, meeting: { readonly id: Parameters<BotStage['owner']>[0] }) => Promise<void>

const FAULTS: Readonly<Record<string, Fault>> = {
  'bot killed': async (stage, { id }) => {
    await stage.kill(await stage.owner(id))
    await stage.bot()
  },
  'bot crashes': async (stage, { id }) => {
    await stage.kill(await stage.owner(id), 'SIGSEGV')
    await stage.bot()
  },
  'bot drained': async (stage, { id }) => {
    const owner = await stage.owner(id)
    await stage.bot()
    stage.retired(owner)
    owner.signal('SIGTERM')
    await owner.exited
  },
  'bot frozen 8 s': async (stage, { id }) => {
    const owner = await stage.owner(id)
    owner.signal('SIGSTOP')
    await systemClock.sleep(8_000)
    owner.signal('SIGCONT')
  },
  'redis killed': async (stage) => {
    await stage.redis?.kill()
    await systemClock.sleep(2_000)
    await stage.redis?.start()
  },
  'database away 10 s': async (stage) => {
    await stage.postgres.stop()
    await systemClock.sleep(10_000)
    await stage.postgres.start()
  },
  'speech server frozen 8 s': (stage) => frozen(stage.speechPid, 8_000),
  'media server frozen 8 s': (stage) => frozen(stage.livekit.pid, 8_000),
}

async function frozen(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await systemClock.sleep(ms)
  process.kill(pid, 'SIGCONT')
}

async function soak(hours: number, seed: number, meetingSec: number, names: readonly string[], samples: Sample[]): Promise<SoakReport> {
  const random = seeded(seed)
  await using stage = await BotStage.start('redis')
  await stage.serve(INSPECTED)
  process.stderr.write('  warming up\n')
  await warmUp(stage)
  const startMs = systemClock.monotonicMs()
  const elapsedMs = () => systemClock.monotonicMs() - startMs
  const counts: Record<string, number> = {}
  const sums = { meetings: 0, invalid: 0 }
  const words = { counted: NO_WORDS, notCounted: NO_WORDS }
  const unfinished: string[] = []
  /** hours, MB */
  const heapLeft: (readonly [number, number])[] = []
  let gapsMs = 0
  await Promise.all([stage.bot(), stage.bot()])
  const stopSampling = systemClock.every(SAMPLE_MS, () => {
    void sample(stage).then((one) => samples.push({ ...one, atSec: elapsedMs() / 1000, gapsSec: gapsMs / 1000 }))
  })
  try {
    while (elapsedMs() < hours * 3_600_000) {
      const room = `soak-${sums.meetings}`
      const script = steadyTalk(meetingSec + 20)
      const { url, apiKey, apiSecret } = stage.livekit
      await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
      const id = await stage.meeting(room)
      await actors.ready
      await stage.owner(id, TAKEOVER_MS)
      actors.go()
      const endMs = elapsedMs() + meetingSec * 1000
      while (elapsedMs() + FAULT_EVERY_MS * 0.9 < endMs) {
        await systemClock.sleep(FAULT_EVERY_MS * (0.3 + 0.4 * random()))
        const name = names[Math.floor(random() * names.length)]!
        process.stderr.write(`  ${Math.round(elapsedMs() / 1000)} s: ${name}\n`)
        counts[name] = (counts[name] ?? 0) + 1
        await FAULTS[name]!(stage, { id })
        await systemClock.sleep(FAULT_EVERY_MS * 0.3)
      }
      const untilMs = systemClock.monotonicMs() - 500
      await stage.stop(id)
      const isDone = await until(async () => ['done', 'failed'].includes(await stage.state(id)), 120_000).then(
        () => true,
        () => false,
      )
      if (!isDone) unfinished.push(`${room}: ${await stage.state(id)}`)
      heapLeft.push([elapsedMs() / 3_600_000, await stage.heapLeftMb().catch(() => Number.NaN)])
      const { store } = stage.records
      const [segments, gaps] = [await store.segments(id), await store.gaps(id)]
      gapsMs += gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
      const verdict = talkVerdict(script, actors.events, segments, gaps, untilMs)
      for (const { who, playMs } of verdict.lost.slice(0, 5))
        process.stderr.write(`  lost: ${who} at ${Math.round(playMs + verdict.clockMs)} ms of the meeting\n`)
      const returned = returnedMarks(segments)
      for (const { who, n } of verdict.doubled.slice(0, 5))
        process.stderr.write(`  doubled: ${JSON.stringify(returned.filter((mark) => mark.who === who && mark.n === n))}\n`)
      for (const gap of verdict.lost.length > 0 ? gaps : []) process.stderr.write(`  gap: ${JSON.stringify(gap)}\n`)
      const isInvalid = (await healthOf([actors])) === 'invalid'
      sums.meetings++
      if (isInvalid) sums.invalid++
      const kind = isInvalid ? 'notCounted' : 'counted'
      words[kind] = added(words[kind], verdict)
      process.stderr.write(`  ${Math.round(elapsedMs() / 1000)} s: ${JSON.stringify({ ...sums, ...words.counted })}\n`)
    }
  } finally {
    stopSampling()
  }
  const warm = samples.filter(({ atSec }) => atSec * 1000 >= WARM_UP_MS)
  return {
    hours: elapsedMs() / 3_600_000,
    seed,
    faults: counts,
    ...sums,
    ...words.counted,
    notCounted: words.notCounted,
    serveGrowthMbPerHour: slope(floors(warm, ({ serveMb }) => serveMb)),
    serveHeapGrowthMbPerHour: slope(heapLeft.filter(([atHours]) => atHours * 3_600_000 >= WARM_UP_MS)),
    serveHeapLeftMb: heapLeft.map(([, mb]) => mb),
    serveSlopeMbPerHour: slope(warm.map(({ atSec, serveMb }) => [atSec / 3600, serveMb])),
    serveLoopP99Ms: most(warm.map(({ serveLoopP99Ms }) => serveLoopP99Ms)),
    unfinished,
  }
}

const added = (sum: Words, { returned, inGaps, lost, doubled, misattributed, unnamed }: TalkVerdict): Words => ({
  returned: sum.returned + returned,
  inGaps: sum.inGaps + inGaps.length,
  lost: sum.lost + lost.length,
  doubled: sum.doubled + doubled.length,
  misattributed: sum.misattributed + misattributed.length,
  unnamed: sum.unnamed + unnamed.length,
})

async function sample(stage: BotStage): Promise<Omit<Sample, 'atSec' | 'gapsSec'>> {
  const metrics = await stage.metrics().catch(() => '')
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1] ?? Number.NaN)
  const bots = await Promise.all(stage.alive.map(({ pid }) => rssMb(pid)))
  return {
    serveMb: value('process_resident_memory_bytes') / 2 ** 20,
    serveHeapMb: value('nodejs_heap_size_used_bytes') / 2 ** 20,
    serveLoopP99Ms: value('nodejs_eventloop_lag_p99_seconds') * 1000,
    botsMb: bots.reduce((sum, mb) => sum + mb, 0) / Math.max(1, bots.length),
  }
}

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
}

/** The least of each third, and when that was, hours. */
function floors(samples: readonly Sample[], of: (sample: Sample) => number): (readonly [number, number])[] {
  const size = Math.ceil(samples.length / 3)
  return [0, 1, 2].flatMap((third) => {
    const part = samples.slice(third * size, (third + 1) * size).filter((one) => Number.isFinite(of(one)))
    const [least] = part.toSorted((a, b) => of(a) - of(b))
    return least ? [[least.atSec / 3600, of(least)] as const] : []
  })
}

/** A sample may have failed: `serve` was asked at a bad moment. */
function most(values: readonly number[]): number | null {
  const fine = values.filter(Number.isFinite)
  return fine.length === 0 ? null : Math.max(...fine)
}

/** Least squares; null with fewer than two points. */
function slope(points: readonly (readonly [number, number])[]): number | null {
  const fine = points.filter(([, y]) => Number.isFinite(y))
  const mean = (of: (point: readonly [number, number]) => number) => fine.reduce((sum, point) => sum + of(point), 0) / fine.length
  const [x, y] = [mean(([at]) => at), mean(([, at]) => at)]
  const spread = fine.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
  return spread > 0 ? fine.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread : null
}

interface Asked {
  readonly hours: number
  readonly meetingSec: number
  readonly seed: number
  readonly names: readonly string[]
  readonly out: string
  /** of the plot, in `out` */
  readonly file: string
  readonly json: string | null
}

/** @returns what is asked for, or what is wrong with it */
function read(all: string[]): Asked | string {
  try {
    const { json, rest } = jsonOption(all)
    const { values } = parseArgs({
      args: [...rest],
      options: {
        hours: { type: 'string', default: '1' },
        out: { type: 'string', default: '.' },
        seed: { type: 'string', default: '1' },
        'meeting-sec': { type: 'string', default: '240' },
        faults: { type: 'string', default: Object.keys(FAULTS).join(',') },
      },
    })
    const [hours, meetingSec, seed] = [Number(values.hours), Number(values['meeting-sec']), Number(values.seed)]
    const names = values.faults.split(',')
    if (!(hours > 0)) return '--hours is a number above 0'
    if (!(meetingSec > 60)) return '--meeting-sec is a number above 60'
    if (!Number.isInteger(seed)) return '--seed is a whole number'
    const unknown = names.filter((name) => !(name in FAULTS))
    if (unknown.length > 0) return `no such fault: ${unknown.join(', ')}`
    return { hours, meetingSec, seed, names, out: values.out, file: resolve(values.out, 'soak.svg'), json }
  } catch (thrown) {
    return toError(thrown).message
  }
}

const OPTIONS = `--hours H --seed N --meeting-sec S --out DIR --json [FILE] --faults A,B of: ${Object.keys(FAULTS).join(', ')}`

/** @returns why the reports cannot be written, or null. Makes the folder of the plot; a file that stands there is told of as the plot's */
async function whyNoReports({ out, file, json }: Asked): Promise<string | null> {
  await mkdir(out, { recursive: true }).catch(() => undefined)
  return (await whyNoReport(json)) ?? (await whyNoReport(file))
}

const parsed = read(process.argv.slice(2))
const asked = typeof parsed === 'string' ? `${parsed}; options: ${OPTIONS}` : ((await whyNoReports(parsed)) ?? parsed)
if (typeof asked === 'string') {
  process.stderr.write(`${asked}\n`)
  process.exitCode = 2
} else {
  const samples: Sample[] = []
  const { hours, seed, meetingSec, names, file, json } = asked
  const report = await soak(hours, seed, meetingSec, names, samples)
  const text = `${JSON.stringify({ ...report, plot: file }, null, 2)}\n`
  process.stdout.write(text)
  await writeFile(file, plot(samples))
  if (json !== null && json !== '-') await writeFile(json, text)
  // with every meeting invalid nothing that is counted returned
  const rules = { none: ['lost', 'doubled', 'misattributed', 'unnamedBeyond', 'unfinishedMeetings'], some: ['returned'] }
  const unnamedBeyond = Math.max(0, report.unnamed - report.returned * UNNAMED_SHARE)
  gate({ ...report, unnamedBeyond, unfinishedMeetings: report.unfinished.length }, rules)
}
