import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { asIdentity, newMeetingId, newSessionId, trackKey } from '../../src/core/ids.js'
import { systemClock, type Clock } from '../../src/core/time.js'
import { AudioPlane } from '../../src/live/audio/plane.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { until } from '../support/until.js'

const PEOPLE = 8
const SECONDS = 120
const BLOCK_MS = 50
const SAMPLE_RATE = 16_000
const BLOCK_SAMPLES = (SAMPLE_RATE * BLOCK_MS) / 1000
/** The send runs so much faster than real time: what an idle process pays for waking up, one that hears eight tracks pays anyway. */
const SPEED = 10
/** in audio time; until then code is compiled */
const WARM_UP_SEC = 120
/** blocks that are used in turn, more than can be unacknowledged: making them is the mixer's work */
const BLOCKS = 400

const tone = (samples: number) => Int16Array.from({ length: samples }, (_, at) => Math.round(3_000 * Math.sin(at / 5)))

/**
 * What a meeting of eight who all speak, on eight channels, costs by audio time, as percent of a core, kernel and garbage collection
 * included: mixer and spans (simulated time), and the send by the Gladia adapter (a real socket to a speech server in another process).
 */
export async function run(): Promise<{
  people: number
  audioSec: number
  mixerCorePercent: number
  sendCorePercent: number
  jsCorePercent: number
}> {
  const mixerCorePercent = mix()
  const sendCorePercent = await send()
  return { people: PEOPLE, audioSec: SECONDS, mixerCorePercent, sendCorePercent, jsCorePercent: mixerCorePercent + sendCorePercent }
}

function mix(): number {
  const plane = new AudioPlane(
    { meetingStartMs: 0, channels: { max: PEOPLE, mode: 'fixed' } },
    { open: () => newSessionId(), block: () => undefined, finish: () => undefined, span: () => undefined, gap: () => undefined },
  )
  const frame = tone(BLOCK_SAMPLES)
  const keys = Array.from({ length: PEOPLE }, (_, at) => {
    const identity = asIdentity(`p${at}`)
    const key = trackKey(identity, 'microphone')
    plane.trackStarted({ key, identity }, 0)
    return key
  })
  const play = (fromMs: number, toMs: number) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 10) {
      if (nowMs % BLOCK_MS === 0) for (const key of keys) plane.frame(key, frame.slice(), nowMs + BLOCK_MS)
      if (nowMs % 20 === 0) plane.tick(nowMs + BLOCK_MS)
    }
  }
  play(0, 10_000)
  const before = process.cpuUsage()
  play(10_000, 10_000 + SECONDS * 1000)
  return percentOfCore(process.cpuUsage(before), SECONDS)
}

/** A clock on which everything, the adapter's own ticks too, happens `SPEED` times as often. */
const fastClock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs() * SPEED,
  sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
  after: (ms, run) => systemClock.after(ms / SPEED, run),
  every: (ms, run) => systemClock.every(ms / SPEED, run),
}

/** Replay buffer, chunks, framing and masking, the socket, acknowledgements, ticks; less what the driver of the bench costs alone. */
async function send(): Promise<number> {
  const server = await startAckServer()
  const stt = createGladiaStt({
    baseUrl: server.url,
    apiKey: 'key',
    region: null,
    clock: fastClock,
    random: Math.random,
    logger: silentLogger,
    // these are waits for another process, which is no faster
    limits: { requestMs: 10_000 * SPEED, connectMs: 10_000 * SPEED, ackTimeoutMs: 6_000 * SPEED },
  })
  let isLive = false
  let acknowledged = 0
  const session = stt.open(
    { meetingId: newMeetingId(), sessionId: newSessionId(), channels: PEOPLE, sampleRate: SAMPLE_RATE, language: null, vocabulary: [] },
    {
      utterance: () => undefined,
      acknowledged: (frames) => {
        acknowledged = frames
      },
      gap: () => undefined,
      phase: (phase) => {
        isLive = phase === 'live'
      },
      ended: () => undefined,
    },
  )
  const blocks = Array.from({ length: BLOCKS }, () => tone(BLOCK_SAMPLES * PEOPLE))
  /** Hands over a block every 50 ms of audio time, late ones too. @returns its end */
  const drive = (take: (block: Int16Array) => void) => {
    const startMs = fastClock.monotonicMs()
    let sent = 0
    return fastClock.every(BLOCK_MS, () => {
      for (const due = (fastClock.monotonicMs() - startMs) / BLOCK_MS; sent < due; sent++) take(blocks[sent % BLOCKS]!)
    })
  }
  let stop = () => {}
  try {
    await until(() => isLive)
    stop = drive(() => undefined)
    await cpuPercent()
    const alone = await cpuPercent()
    stop()
    stop = drive((block) => session.send(block))
    await fastClock.sleep(WARM_UP_SEC * 1000)
    const before = acknowledged
    const sending = await cpuPercent()
    const takenSec = (acknowledged - before) / SAMPLE_RATE
    if (Math.abs(takenSec - SECONDS) > SECONDS / 20) throw new Error(`the server took ${takenSec} of ${SECONDS} s`)
    return sending - alone
  } finally {
    stop()
    await session.close()
    await server.stop()
  }
}

/** In a process of its own: what it costs is not ours. */
async function startAckServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./ack-server-process.js', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    url,
    stop: async () => {
      child.stdin.end()
      await exited
    },
  }
}

async function cpuPercent(): Promise<number> {
  const startMs = fastClock.monotonicMs()
  const before = process.cpuUsage()
  await fastClock.sleep(SECONDS * 1000)
  return percentOfCore(process.cpuUsage(before), (fastClock.monotonicMs() - startMs) / 1000)
}

function percentOfCore({ user, system }: NodeJS.CpuUsage, seconds: number): number {
  return (user + system) / 1e4 / seconds
}
