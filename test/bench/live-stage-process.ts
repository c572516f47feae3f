/**
 * One stage of the bench `live`, in a process of its own: the LiveKit library can be ended once, and only the bot's CPU is measured.
 * Arguments: stage, folder, scale. In: the server's keys as JSON. Out: the result as JSON.
 */
import { disposeRoomLibrary } from '../../src/live/room/livekit/open.js'
import { performance } from 'node:perf_hooks'
import { startUp } from '../../src/app/up.js'
import { systemClock } from '../../src/core/time.js'
import { playVerdict } from '../../src/standins/actors/play-event.js'
import { asMeetingId, type MeetingId } from '../../src/core/ids.js'
import type { MeetingObserver } from '../../src/live/bot/bot.js'
import type { Segment } from '../../src/live/transcript/segment.js'
import { hasEnded, type SessionRecord } from '../../src/records/port.js'
import { createLivekitRoom } from '../../src/live/room/livekit/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { startSpeechServer } from '../../src/speech-server/server.js'
import type { Script } from '../../src/standins/actors/script.js'
import { spawnActors } from '../../src/standins/actors/spawn.js'
import { FinalReceipts } from '../support/final-receipts.js'
import { StampEngine, type Receipts } from '../support/stamp-engine.js'
import { testSettings } from '../support/settings.js'
import { startSpeechServerProcess } from '../support/speech-server-process.js'
import { Secret } from '../../src/app/config/secret.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'
import { until } from '../support/until.js'
import { quantiles } from './quantiles.js'
import type { Scale, Scaled } from './size.js'

type Quantiles = { p50: number; p99: number }
type Result = Record<string, number | Quantiles>
type Keys = { readonly url: string; readonly apiKey: string; readonly apiSecret: string }

const PEOPLE = 8
const SPEAK_SEC = 32
const COST_SEC = 15
const IDLE_SEC = 20
/** the first finals of a process wait for code that is not compiled yet: told apart */
const WARM_UP_MS = 15_000
/** how long the first meeting runs before its memory counts: buffers and compiled code of the process grow to their size */
const FIRST_MEETING_MS: Scaled<number> = { brief: 10_000, usual: 45_000, full: 45_000 }
/** what is compiled and planned in the first seconds of a process is not idling */
const SETTLE_MS = 20_000
/** what grows without a further meeting is told apart */
const CONTROL_SEC: Scaled<number> = { brief: 15, usual: 60, full: 60 }
const JOINS = 10

/** Eight people, each 2.4 s of marks and 1.6 s of pause, one after the other by half a second: five at once, more than any meeting. */
const script = (seconds: number): Script => ({
  cast: Array.from({ length: PEOPLE }, (_, who) => ({ identity: `p${who}`, name: `P${who}`, who, voice: 'rms' as const })),
  steps: Array.from({ length: PEOPLE }, (_, who) => who).flatMap((who) =>
    Array.from({ length: Math.floor(seconds / 4) }, (_, turn) => ({
      atMs: 500 + who * 500 + turn * 4_000,
      actor: `p${who}`,
      do: 'marks' as const,
      slots: 12,
    })),
  ),
})

const STAGES = {
  joins: measureJoins,
  latency: (livekit: Keys, dataDir: string) => measureLatency(livekit, dataDir, null),
  postgres: measurePostgres,
  cost: measureCost,
} as const

function actorsOf(livekit: Keys, room: string, seconds: number) {
  const { url, apiKey, apiSecret } = livekit
  return spawnActors({
    clock: systemClock,
    order: { url, apiKey, apiSecret, room, sampleRate: 48_000, isHeld: true, script: script(seconds) },
    onEvent: () => undefined,
  })
}

/** From the call of join to the first frame of all eight. */
async function measureJoins(livekit: Keys): Promise<Result> {
  await using actors = actorsOf(livekit, 'joins', 120)
  await actors.ready
  const { url, apiKey, apiSecret } = livekit
  const room = createLivekitRoom({ url, apiKey, apiSecret, clock: systemClock, logger: silentLogger })
  const times: number[] = []
  const ignore = () => undefined
  for (let turn = 0; turn < JOINS; turn++) {
    const heard = new Set<string>()
    const startMs = systemClock.monotonicMs()
    const connection = await room.join(
      { room: 'joins', botIdentity: 'bench', botName: 'bench' },
      {
        participantJoined: ignore,
        participantRenamed: ignore,
        participantLeft: ignore,
        trackStarted: ignore,
        trackEnded: ignore,
        trackRefused: ignore,
        trackRefusalEnded: ignore,
        trackStalled: ignore,
        trackResumed: ignore,
        reconnecting: ignore,
        reconnected: ignore,
        ended: ignore,
        frame: (key) => {
          heard.add(key)
          if (heard.size === PEOPLE && times.length === turn) times.push(systemClock.monotonicMs() - startMs)
        },
      },
      new AbortController().signal,
    )
    await until(() => times.length > turn)
    await connection.close()
  }
  return { people: PEOPLE, joinMs: quantiles(times) }
}

/** The same on a server: what is durable there took a round trip to another process. */
async function measurePostgres(livekit: Keys, dataDir: string): Promise<Result> {
  const binaries = postgresBinaries()
  if (binaries === undefined) return {}
  const postgres = await startPostgres(binaries)
  try {
    const found = Object.entries(await measureLatency(livekit, dataDir, await postgres.newDatabase()))
    // the way to the socket has no database in it
    const own = found.filter(([name]) => !name.startsWith('trackTo'))
    // `finalToDurableColdMs` is `finalToDurablePostgresColdMs`, `latencyInvalid` is `latencyPostgresInvalid`, and so on
    return Object.fromEntries(own.map(([name, value]) => [name.replace(/(ColdMs|Ms|Invalid|Untimed|$)/, 'Postgres$1'), value]))
  } finally {
    await postgres.close()
  }
}

/** The first three seconds of a session. */
const OPENING_FRAMES = 48_000

interface Lag {
  readonly atMs: number
  readonly lagMs: number
}

/** What the engine received of a session: the sessions of so many channels come in the order in which they were opened. */
function receiptsOf(session: SessionRecord, sessions: readonly SessionRecord[], receipts: readonly Receipts[]): Receipts | undefined {
  const alike = <T extends { readonly channels: number }>(all: readonly T[]) => all.filter(({ channels }) => channels === session.channels)
  return alike(receipts)[alike(sessions).indexOf(session)]
}

async function measureLatency(livekit: Keys, dataDir: string, databaseUrl: string | null): Promise<Result> {
  const engine = new StampEngine(() => systemClock.monotonicMs())
  const server = await startSpeechServer({ port: 0, engine, apiKey: null, clock: systemClock, logger: silentLogger })
  const receipts = new FinalReceipts(() => systemClock.monotonicMs())
  const durable: Lag[] = []
  const stored: Lag[] = []
  const settings = testSettings(
    {
      dataDir,
      gladiaApiUrl: server.url,
      stt: 'local',
      // a channel each: who shares one waits for it, which is what `leasing` and `crowd` measure
      channels: PEOPLE,
      logLevel: 'silent',
      databaseUrl: databaseUrl === null ? null : new Secret(databaseUrl),
    },
    livekit,
  )
  // what is looked for in vain: whoever drops it drops the longest waits
  const unseen = { frames: 0, spans: 0, finals: 0 }
  const note = (lags: Lag[], { utteranceId }: Segment) => {
    const receivedMs = receipts.receivedMs.get(utteranceId)
    const atMs = systemClock.monotonicMs()
    if (receivedMs === undefined) unseen.finals++
    else lags.push({ atMs, lagMs: atMs - receivedMs })
  }
  // told once it outlives the process: it is in the log of finals, or in the store
  const observer: MeetingObserver = { segment: (segment) => note(durable, segment) }
  const up = await startUp(settings, { clock: systemClock, logger: silentLogger, random: Math.random, observe: () => observer })
  try {
    const id = await startMeeting(up, 'latency')
    up.store.subscribe(id, (event) => {
      if (event.kind === 'segment') note(stored, event.segment)
    })
    await using actors = actorsOf(livekit, 'latency', SPEAK_SEC)
    await actors.ready
    await liveMeeting(up, id)
    actors.go()
    const health = playVerdict(await actors.ended)
    await stopMeeting(up, id)
    if (health === 'invalid') return { latencyInvalid: 1 }
    const meeting = await up.store.meeting(id)
    const startMs = Date.parse(meeting.startedAt ?? '') - systemClock.nowMs() + systemClock.monotonicMs()
    const lags: number[] = []
    const warmLags: number[] = []
    // a frame of 50 ms arrived when its last sample was spoken, as the track's clock has it
    const sessions = await up.store.sessions(id)
    for (const span of await up.store.spans(id)) {
      const session = sessions.find((one) => one.sessionId === span.sessionId)
      const received = session && receiptsOf(session, sessions, engine.receipts)
      if (!received) {
        unseen.spans++
        continue
      }
      for (let frame = span.fromFrame + 800; frame <= span.toFrame; frame += 800) {
        const atMs = received.atMs(frame)
        if (atMs === undefined) {
          unseen.frames++
          continue
        }
        const lagMs = atMs - (startMs + span.meetingMs + (frame - span.fromFrame) / 16)
        lags.push(lagMs)
        // what came while the session was opened is sent after it
        if (frame >= OPENING_FRAMES) warmLags.push(lagMs)
      }
    }
    const warmMs = (durable[0]?.atMs ?? 0) + WARM_UP_MS
    const lagsOf = (some: typeof durable) => quantiles(some.map(({ lagMs }) => lagMs))
    return {
      trackToSocketMs: quantiles(lags),
      trackToSocketWarmMs: quantiles(warmLags),
      finalToDurableMs: lagsOf(durable.filter(({ atMs }) => atMs >= warmMs)),
      finalToDurableColdMs: lagsOf(durable.filter(({ atMs }) => atMs < warmMs)),
      finalToStoredMs: lagsOf(stored.filter(({ atMs }) => atMs >= warmMs)),
      framesUnseen: unseen.frames,
      spansUnseen: unseen.spans,
      finalsUnseen: unseen.finals,
      latencyInvalid: 0,
      latencyUntimed: health === 'valid' ? 0 : 1,
    }
  } finally {
    receipts.stop()
    await up.close()
    await server.close()
  }
}

async function measureCost(livekit: Keys, dataDir: string, scale: Scale): Promise<Result> {
  const [firstMeetingMs, controlSec] = [FIRST_MEETING_MS[scale], CONTROL_SEC[scale]]
  const speech = await startSpeechServerProcess('marks')
  const settings = testSettings({ dataDir, gladiaApiUrl: speech.url, stt: 'local', logLevel: 'silent' }, livekit)
  const up = await startUp(settings, { clock: systemClock, logger: silentLogger, random: Math.random })
  try {
    await systemClock.sleep(SETTLE_MS)
    const idle = await cpuPercent(IDLE_SEC)
    const rss: number[] = []
    let driftMb = Number.NaN
    const busy: { process: number; js: number }[] = []
    for (const count of [1, 2, 3]) {
      const room = `cost-${count}`
      const id = await startMeeting(up, room)
      const actors = actorsOf(livekit, room, 3 * COST_SEC + 40 + controlSec + firstMeetingMs / 1000)
      await actors.ready
      actors.go()
      await actors.started
      await liveMeeting(up, id)
      await systemClock.sleep(count === 1 ? firstMeetingMs : 3_000)
      const before = performance.eventLoopUtilization()
      const process = await cpuPercent(COST_SEC)
      busy.push({ process, js: performance.eventLoopUtilization(before).utilization * 100 })
      rss.push(await rssMb())
      await liveMeeting(up, id)
      if (count === 1) {
        await systemClock.sleep(controlSec * 1000)
        const laterMb = await rssMb()
        driftMb = laterMb - (rss[0] ?? Number.NaN)
        rss[0] = laterMb
      }
      if (count === 3) await actors.stop()
      else void actors.ended.catch(() => undefined)
    }
    return {
      idleCpuPercent: idle,
      processCorePercent: busy[0]?.process ?? Number.NaN,
      jsCorePercent: busy[0]?.js ?? Number.NaN,
      rssPerMeetingMb: ((rss[2] ?? Number.NaN) - (rss[0] ?? Number.NaN)) / 2,
      rssDriftMbPerMinute: (driftMb * 60) / controlSec,
    }
  } finally {
    await up.close()
    await speech.stop()
  }
}

/** Garbage that V8 has not looked at yet is not what a meeting costs; buffers outside its heap go a moment later. */
async function rssMb(): Promise<number> {
  globalThis.gc?.()
  await systemClock.sleep(500)
  globalThis.gc?.()
  return process.memoryUsage().rss / 2 ** 20
}

async function cpuPercent(seconds: number): Promise<number> {
  const before = process.cpuUsage()
  const startMs = systemClock.monotonicMs()
  await systemClock.sleep(seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 10 / (systemClock.monotonicMs() - startMs)
}

type Up = Awaited<ReturnType<typeof startUp>>

async function startMeeting({ url, apiKey }: Up, room: string): Promise<MeetingId> {
  const response = await fetch(`${url}/v1/meetings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ room }),
  })
  if (!response.ok) throw new Error(`${room} was not started: ${response.status} ${await response.text()}`)
  return asMeetingId(((await response.json()) as { id: string }).id)
}

/** A meeting that no bot attends costs nothing, and shows nothing. */
async function liveMeeting(up: Up, id: MeetingId): Promise<void> {
  await until(async () => {
    const { state, reason } = await up.store.meeting(id)
    if (hasEnded(state)) throw new Error(`${id} is ${state}: ${String(reason)}`)
    return state === 'live'
  })
}

async function stopMeeting(up: Up, id: MeetingId): Promise<void> {
  await up.store.requestStop(id)
  await until(async () => ['done', 'failed'].includes((await up.store.meeting(id)).state))
}

const [name = '', folder = '', scale = 'usual'] = process.argv.slice(2)
let input = ''
for await (const chunk of process.stdin) input += String(chunk)
const run = STAGES[name as keyof typeof STAGES]
const result = await run(JSON.parse(input) as Keys, folder, scale as Scale)
if (name === 'joins') await disposeRoomLibrary()
process.stdout.write(JSON.stringify(result))
