import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore } from '../../src/records/sql/open.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { CliProcess } from '../support/cli-process.js'
import { fuzzApi } from '../support/fuzz-api.js'
import { startTestLivekit } from '../support/livekit.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'
import { requestFor, segmentOf } from '../support/records.js'
import { races } from '../support/schedule-races.js'
import { startSpeechServerProcess, type SpeechServerProcess } from '../support/speech-server-process.js'
import { SseReader } from '../support/sse-reader.js'
import { until } from '../support/until.js'
import { mutatedWebhooks } from '../support/webhook-mutations.js'
import { spawnActors } from '../../src/standins/actors/spawn.js'
import { gate } from './gate.js'
import { type Bucket, bucketQuantile, quantiles } from './quantiles.js'
import type { Scaled, Size } from './size.js'

type Numbers = Record<string, unknown>

const KEY = 'bench-key-of-the-settings'
/** as many as four processes of 13 carry */
const BURST = 50
const BOTS = 4
const STARTS: Scaled<number> = { brief: 10, usual: 30, full: 30 }
const READERS = 200
const SEGMENTS: Scaled<number> = { brief: 60, usual: 200, full: 200 }
const LONGEST_START_MS = 60_000
const MEETINGS = 4
/** of one meeting */
const MANY_READERS = 1_000
const LOAD_SEC: Scaled<number> = { brief: 8, usual: 15, full: 15 }
const FUZZED: Scaled<number> = { brief: 1_000, usual: 5_000, full: 100_000 }
const RACES: Scaled<number> = { brief: 100, usual: 500, full: 10_000 }
const WEBHOOKS: Scaled<number> = { brief: 500, usual: 1_000, full: 10_000 }
const WARM_SEC = 3
const RATE = 500
/** autocannon lets each of them ask for its share of a second as fast as it is answered: many are a burst at the start of each second */
const CONNECTIONS = 4

/** Figures that are no timings: of what must not be, and of what must have been for the others to say anything. */
const RIGHT = {
  none: 'startsFailed apiRefused fivexx unpublished raceDoubles raceMissed webhooksAccepted webhooksFailed'.split(' '),
  some: 'sseSegments readersSegments apiPerSec fuzzed races'.split(' '),
}

/** The parts of this bench. */
export const CONTROL_PARTS = ['live', 'sse', 'api', 'readers', 'fuzz', 'races', 'webhooks'] as const
type ControlPart = (typeof CONTROL_PARTS)[number]

interface Ground {
  readonly databaseUrl: string
  readonly livekit: LivekitServer
  readonly speech: SpeechServerProcess
  readonly folder: string
}

/** What a company asks of the control plane: real server, real PostgreSQL, each role in a process of its own. */
export async function run(size: Pick<Size, 'scale' | 'part' | 'count'>): Promise<Numbers> {
  const { scale } = size
  const wants = (part: ControlPart) => size.part === null || size.part === part
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('the control bench needs PostgreSQL: deploy/dev sets it up')
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-bench-control-'))
  const postgres = await startPostgres(binaries)
  const speech = await startSpeechServerProcess('marks')
  /** Servers that still clear up after the part before, and its meetings, would be in the figures of the next. */
  const onFreshGround = async (part: (ground: Ground) => Promise<Numbers>): Promise<Numbers> => {
    const livekit = await startTestLivekit()
    try {
      return await part({ databaseUrl: await postgres.newDatabase(), livekit, speech, folder: await mkdtemp(join(folder, 'part-')) })
    } finally {
      await livekit.stop()
    }
  }
  try {
    const found: Numbers = {}
    const measure = async (part: ControlPart, work: (ground: Ground) => Promise<Numbers>) => {
      if (wants(part)) Object.assign(found, await onFreshGround(work))
    }
    await measure('live', (ground) => startsAndBurst(ground, STARTS[scale]))
    await measure('sse', (ground) => sse(ground, SEGMENTS[scale]))
    await measure('api', (ground) => besideMeetings(ground, MEETINGS, apiLoad, LOAD_SEC[scale]))
    await measure('readers', (ground) => besideMeetings(ground, 1, readersLoad, LOAD_SEC[scale]))
    await measure('fuzz', (ground) => fuzz(ground, size.count ?? FUZZED[scale]))
    if (wants('races')) {
      const { doubled, missed, broken, ...raced } = await races({ count: size.count ?? RACES[scale], stores: 4, seed: 1 })
      Object.assign(found, { races: raced.races, raceDoubles: doubled, raceMissed: missed })
      Object.assign(found, { raceReopened: broken?.reopened ?? null, raceEnded: broken?.ended ?? null })
    }
    if (wants('webhooks')) {
      const webhooks = await mutatedWebhooks({ count: size.count ?? WEBHOOKS[scale], seed: 1 })
      Object.assign(found, { webhooks, webhooksAccepted: webhooks.accepted, webhooksFailed: webhooks.failed })
    }
    gate(found, RIGHT)
    return found
  } finally {
    await speech.stop()
    await postgres.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function environment({ databaseUrl, livekit, speech, folder }: Ground, name: string): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    GLADIA_API_URL: speech.url,
    ROOMSCRIBE_STT: 'local',
    ROOMSCRIBE_API_KEY: KEY,
    ROOMSCRIBE_PORT: '0',
    ROOMSCRIBE_RATE_LIMIT: '0',
    ROOMSCRIBE_DATA_DIR: join(folder, name),
  }
}

async function started(ground: Ground, command: string, name: string, own: Record<string, string> = {}) {
  const child = new CliProcess([command], { ...environment(ground, name), ...own })
  const [, url = ''] = await child.line(/ready at (http\S+)/)
  return { child, url }
}

const call = async (url: string, method: string, path: string, body?: object): Promise<{ id: string; state: string }> => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as { id: string; state: string }
}

/** Starts a meeting, and waits until it is live, as its feed tells. @returns ms from the request, or why it failed */
async function untilLive(url: string, room: string): Promise<number | string> {
  const fromMs = systemClock.monotonicMs()
  const started = await call(url, 'POST', '/v1/meetings', { room }).catch((thrown: unknown) => String(thrown))
  if (typeof started === 'string') return started
  const { id } = started
  const feed = new SseReader(`${url}/v1/meetings/${id}/live`, KEY)
  try {
    const told = feed.until(() => feed.of('state').some(({ state }) => state === 'live' || state === 'failed')).then(() => true)
    if (!(await Promise.race([told, systemClock.sleep(LONGEST_START_MS)]))) return `not live in ${LONGEST_START_MS / 1000} s`
    const last = feed.of('state').at(-1)
    return last?.['state'] === 'failed' ? String(last['reason']) : systemClock.monotonicMs() - fromMs
  } finally {
    feed.close()
  }
}

/** So many connections are carried by one process of people. */
const ROOMS_A_PROCESS = 15

/** In its first seconds a connection costs five times what it costs later: a hundred of them were one and a half of two cores. */
const SETTLE_MS = 20_000

/** Lets people into rooms. @returns lets them out again */
async function peopleIn(ground: Ground, rooms: readonly string[], people: number): Promise<() => Promise<void>> {
  const leave: (() => Promise<void>)[] = []
  for (let at = 0; at < rooms.length; at += ROOMS_A_PROCESS)
    leave.push(await peopleProcess(ground, rooms.slice(at, at + ROOMS_A_PROCESS), people))
  return async () => {
    await Promise.all(leave.map((out) => out()))
  }
}

async function peopleProcess({ livekit }: Ground, rooms: readonly string[], people: number): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./room-people-process.js', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { url, apiKey, apiSecret } = livekit
  const isGone = once(child, 'exit')
  child.stdin.write(`${JSON.stringify({ url, apiKey, apiSecret, rooms, people })}\n`)
  const failed = isGone.then(([code]) => Promise.reject(new Error(`people ended with ${String(code)}`)))
  await Promise.race([once(child.stdout, 'data'), failed])
  failed.catch(() => undefined)
  return async () => {
    child.stdin.end()
    await isGone
  }
}

async function startsAndBurst(ground: Ground, starts: number): Promise<Numbers> {
  const serve = await started(ground, 'serve', 'serve')
  const bots = await Promise.all(
    Array.from({ length: BOTS }, (_, at) =>
      started(ground, 'bot', `bot-${at}`, { ROOMSCRIBE_MAX_MEETINGS: '14', ROOMSCRIBE_ALONE_SEC: '5' }),
    ),
  )
  const single = Array.from({ length: starts }, (_, at) => `single-${at}`)
  const burst = Array.from({ length: BURST }, (_, at) => `burst-${at}`)
  try {
    let leave = await peopleIn(ground, single, 1)
    const times: (number | string)[] = []
    for (const room of single) {
      times.push(await untilLive(serve.url, room))
      const { items } = (await call(serve.url, 'GET', `/v1/meetings?room=${room}`)) as unknown as { items: { id: string }[] }
      await call(serve.url, 'POST', `/v1/meetings/${items[0]?.id}/stop`, {})
    }
    await leave()
    leave = await peopleIn(ground, burst, 2)
    await systemClock.sleep(SETTLE_MS)
    const fromMs = systemClock.monotonicMs()
    const each = await Promise.all(burst.map((room) => untilLive(serve.url, room)))
    const burst50Sec = (systemClock.monotonicMs() - fromMs) / 1000
    await leave()
    const ms = (some: readonly (number | string)[]) => some.filter((one) => typeof one === 'number')
    const failed = [...times, ...each].filter((one) => typeof one === 'string')
    return {
      startToLiveMs: quantiles(ms(times)),
      burst50Sec,
      burstLiveMs: quantiles(ms(each)),
      startsFailed: failed.length,
      whyFailed: [...new Set(failed)],
    }
  } finally {
    // nobody is there to take over what they run
    await Promise.all([serve, ...bots].map(({ child }) => child.kill()))
  }
}

/** From a durable segment to each of 200 readers of another process. */
async function sse(ground: Ground, segments: number): Promise<Numbers> {
  const serve = await started(ground, 'serve', 'sse')
  const writer = await openStore({ databaseUrl: ground.databaseUrl, dataDir: ground.folder, clock: systemClock, logger: silentLogger })
  const readers: SseReader[] = []
  try {
    const { meeting } = await writer.store.create(requestFor('sse'))
    const claim = await writer.store.claim(meeting.id)
    await writer.store.setState(claim, 'live', null)
    const durableMs = new Map<number, number>()
    const lags: number[] = []
    for (let at = 0; at < READERS; at++) {
      readers.push(
        new SseReader(`${serve.url}/v1/meetings/${meeting.id}/live`, KEY, null, ({ event, data }) => {
          const fromMs = durableMs.get(Number(data['seq']))
          if (event === 'segment' && fromMs !== undefined) lags.push(systemClock.monotonicMs() - fromMs)
        }),
      )
    }
    await Promise.all(readers.map((one) => one.until(() => one.of('state').length > 0)))
    const session = newSessionId()
    for (let n = 1; n <= segments; n++) {
      await writer.store.appendSegments(claim, [segmentOf(session, n)])
      durableMs.set(n, systemClock.monotonicMs())
      await systemClock.sleep(50)
    }
    await Promise.all(readers.map((one) => one.until(() => one.of('segment').length === segments)))
    return { sseMs: quantiles(lags), sseReaders: READERS, sseSegments: lags.length }
  } finally {
    for (const one of readers) one.close()
    await writer.close()
    await serve.child.stop()
  }
}

const metrics = async (url: string): Promise<string> =>
  (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).text()

/** What is done to a process that runs meetings. @returns what it showed, under names of its own */
type Load = (url: string, ids: readonly string[], seconds: number) => Promise<Numbers>

/** well before the speakers have said all they have to say */
const LIVE_WITHIN_MS = 20_000

/** Load beside live meetings in the same process, and what it does to its event loop: the mixer's tick stands on it. */
async function besideMeetings(ground: Ground, meetings: number, load: Load, seconds: number): Promise<Numbers> {
  const child = new CliProcess(['up'], environment(ground, `beside-${meetings}`))
  const [, url = ''] = await child.line(/ready at (http\S+)/)
  const speakers = Array.from({ length: meetings }, (_unused, at) => {
    const { url: server, apiKey, apiSecret } = ground.livekit
    const cast = [0, 1, 2].map((who) => ({ identity: `p${who}`, name: `P${who}`, who, voice: 'rms' as const }))
    const steps = cast.flatMap(({ identity, who }) =>
      Array.from({ length: 20 }, (_turn, turn) => ({
        atMs: 500 + who * 700 + turn * 4_000,
        actor: identity,
        do: 'marks' as const,
        slots: 10,
      })),
    )
    const order = { url: server, apiKey, apiSecret, room: `load-${at}`, sampleRate: 48_000 as const, isHeld: true, script: { cast, steps } }
    return spawnActors({ clock: systemClock, order, onEvent: () => undefined })
  })
  try {
    await Promise.all(speakers.map(({ ready }) => ready))
    const ids: string[] = []
    for (let at = 0; at < meetings; at++) ids.push((await call(url, 'POST', '/v1/meetings', { room: `load-${at}` })).id)
    for (const one of speakers) one.go()
    // beside meetings that nobody attends any load is light
    const areLive = async () => {
      const all = await Promise.all(ids.map((id) => call(url, 'GET', `/v1/meetings/${id}`)))
      return all.every(({ state }) => state === 'live')
    }
    await until(areLive, LIVE_WITHIN_MS)
    await systemClock.sleep(8_000)
    const found = await load(url, ids, seconds)
    if (!(await areLive())) throw new Error('a meeting ended under the load')
    return found
  } finally {
    await Promise.all(speakers.map((one) => one[Symbol.asyncDispose]()))
    await child.stop()
  }
}

/** What the audio stands on while something happens, p99: how late the mixers are asked, and the delay of the event loop as Node samples it. */
interface Lag {
  readonly tickP99Ms: number
  readonly loopP99Ms: number
}

const TICKS = /^roomscribe_audio_tick_late_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm

/** The gauge of the loop covers the time since it was read last; the ticks are counted since the start. */
async function lagDuring<T>(url: string, work: () => Promise<T>): Promise<{ readonly lag: Lag; readonly result: T }> {
  const before = await metrics(url)
  const result = await work()
  const after = await metrics(url)
  const loopP99Ms = Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(after)?.[1] ?? Number.NaN) * 1000
  return { lag: { tickP99Ms: 1000 * bucketQuantile(ticks(before), ticks(after), 0.99), loopP99Ms }, result }
}

const ticks = (text: string): Bucket[] =>
  [...text.matchAll(TICKS)].map(([, le, count]) => ({ upTo: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), count: Number(count) }))

const calm = (seconds: number) => (): Promise<void> => systemClock.sleep(seconds * 1000)

/** Reads of the API. */
async function apiLoad(url: string, ids: readonly string[], seconds: number): Promise<Numbers> {
  const before = await lagDuring(url, calm(seconds))
  const headers = { authorization: `Bearer ${KEY}` }
  const requests = [
    { method: 'GET' as const, path: '/v1/meetings', headers },
    ...ids.flatMap((id) => [
      { method: 'GET' as const, path: `/v1/meetings/${id}`, headers },
      { method: 'GET' as const, path: `/v1/meetings/${id}/transcript`, headers },
    ]),
  ]
  const load = (duration: number) => autocannon({ url, connections: CONNECTIONS, overallRate: RATE, duration, requests })
  // the first requests wait for connections to the database, which stay open from then on
  await load(WARM_SEC)
  const { lag, result } = await lagDuring(url, () => load(seconds))
  return {
    apiP99Ms: result.latency.p99,
    apiP50Ms: result.latency.p50,
    apiPerSec: result.requests.average,
    apiRefused: result.non2xx + result.errors,
    calmLag: before.lag,
    apiLag: lag,
  }
}

/** A thousand readers of one live meeting: partials and segments of three people to each of them. */
async function readersLoad(url: string, [id = '']: readonly string[], seconds: number): Promise<Numbers> {
  const before = await lagDuring(url, calm(seconds))
  const readers = Array.from({ length: MANY_READERS }, () => new SseReader(`${url}/v1/meetings/${id}/live`, KEY))
  try {
    await Promise.all(readers.map((one) => one.until(() => one.of('state').length > 0)))
    const counted = () => readers.map((one) => one.of('segment').length)
    const { lag } = await lagDuring(url, calm(seconds))
    // all are told the same: what one has, the others have, or get in a moment
    const most = Math.max(...counted())
    if (most === 0) throw new Error('nobody was heard, so nothing was read')
    await Promise.all(readers.map((one) => one.until(() => one.of('segment').length >= most)))
    return { readers: MANY_READERS, readersSegments: most, fewReadersLag: before.lag, readersLag: lag }
  } finally {
    for (const one of readers) one.close()
  }
}

async function fuzz(ground: Ground, count: number): Promise<Numbers> {
  const serve = await started(ground, 'serve', 'fuzz', { LIVEKIT_URL: 'ws://127.0.0.1:1', ROOMSCRIBE_FEED_HOSTS: '' })
  const rssMb = async () => Number(/^process_resident_memory_bytes (\S+)$/m.exec(await metrics(serve.url))?.[1] ?? Number.NaN) / 2 ** 20
  try {
    const warmUp = Math.min(2_000, Math.floor(count / 4))
    await fuzzApi({ url: serve.url, key: KEY, count: warmUp, seed: 2 })
    const before = await rssMb()
    const found = await fuzzApi({ url: serve.url, key: KEY, count, seed: 1 })
    const { fuzzed, fivexx, unpublished, statuses, failures } = found
    return { fuzzed, fivexx, unpublished, fuzzStatuses: statuses, fuzzFailures: failures, fuzzGrowthMb: (await rssMb()) - before }
  } finally {
    await serve.child.stop()
  }
}
