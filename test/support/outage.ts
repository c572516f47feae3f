import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newMeetingId, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import type { Backlog, SttGap, SttSession } from '../../src/live/stt/port.js'
import { Spool } from '../../src/live/stt/spool/spool.js'
import { createLogger } from '../../src/observe/logger.js'
import { SimProcess, SimTime } from './sim/clock.js'
import { numbered } from './spool-rig.js'
import { WireService } from './wire-service.js'

const RATE = 16_000
const BLOCK_MS = 50
const BLOCK_FRAMES = (RATE * BLOCK_MS) / 1000
const MB = 1024 * 1024

/** What an outage cost. */
export interface OutageResult {
  readonly minutes: number
  /** highest resident memory of the process during outage and replay, above its highest before, MB */
  readonly outageMemoryMb: number
  /** the same of audio and other buffers, MB */
  readonly outageBuffersMb: number
  /** highest on disk, MB */
  readonly outageDiskMb: number
  /** the whole process's CPU for each block during the outage, this driver and the disk's writer included, us */
  readonly outageChunkUs: number
  /** the call that takes a block, us */
  readonly outageSendUs: number
  /** from the end of the outage until nothing waits, simulated s; null: after twice the outage something still did */
  readonly caughtUpSec: number | null
  /** the service has every byte that was sent after the last one it had acknowledged before */
  readonly isHashEqual: boolean
  readonly gaps: number
  /** lines at error: one alarm */
  readonly alarms: number
  readonly sessions: number
  readonly filesLeft: number
}

/**
 * The service is away for so long while audio goes on, in simulated time: the real adapter on a real disk. When the session is given up
 * its audio goes to the next one, as the pool does it, and live audio follows behind.
 */
export async function runOutage({
  minutes,
  channels = 2,
  isFromStart = false,
}: {
  readonly minutes: number
  readonly channels?: number
  /** no session could be created before */
  readonly isFromStart?: boolean
}): Promise<OutageResult> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-outage-'))
  const time = new SimTime(BLOCK_MS, 1_800_000_000_000)
  const clock = new SimProcess(time)
  const service = new WireService(time, {}, { upMs: 20, downMs: 20 })
  service.isKeeping = false
  let alarms = 0
  const logger = createLogger('error', () => alarms++)
  const spool = new Spool({ folder, maxBytes: 1024 * MB, clock: systemClock, logger })
  const random = () => 0.5
  const stt = createGladiaStt({
    baseUrl: 'http://service',
    apiKey: 'k',
    region: null,
    clock,
    random,
    logger,
    spool,
    transport: service.transport,
  })
  const meetingId = newMeetingId()
  const gaps: SttGap[] = []
  let sessions = 0
  let firstFrame = 0
  let isOver = false
  let live: SttSession | null = null
  const open = (backlog?: Backlog) => {
    sessions++
    const options = { meetingId, sessionId: newSessionId(), channels, sampleRate: RATE, language: 'en', vocabulary: [] }
    const session: SttSession = stt.open(
      { ...options, ...(backlog && { backlog }) },
      {
        utterance: () => undefined,
        acknowledged: () => undefined,
        gap: (gap) => gaps.push(gap),
        phase: () => undefined,
        ended: (reason) => {
          if (reason === 'done') isOver = true
          const rest = session.takeUnacknowledged?.() ?? null
          if (!rest) return
          firstFrame += rest.fromFrame
          live = open(rest.backlog)
        },
      },
    )
    return session
  }
  service.isDown = isFromStart
  live = open()
  let frames = 0
  let sendNs = 0n
  const stopTalking = clock.every(BLOCK_MS, () => {
    const block = numbered(frames, BLOCK_FRAMES, channels)
    frames += BLOCK_FRAMES
    const startNs = process.hrtime.bigint()
    live?.send(block)
    sendNs += process.hrtime.bigint() - startNs
  })
  /** the disk works in real time: it gets a moment of it in each quarter of a simulated second */
  const pass = async (seconds: number, each: () => boolean = () => false) => {
    for (let second = 0; second < seconds; second++) {
      for (let part = 0; part < 4; part++) {
        await time.runUntil(() => false, 250)
        await systemClock.sleep(1)
      }
      if (each()) return second
    }
    return null
  }
  const peakOf = () => ({ rss: 0, buffers: 0, disk: 0 })
  const look = (peak: ReturnType<typeof peakOf>) => {
    const { rss, arrayBuffers } = process.memoryUsage()
    peak.rss = Math.max(peak.rss, rss)
    peak.buffers = Math.max(peak.buffers, arrayBuffers)
    peak.disk = Math.max(peak.disk, spool.usedBytes)
    return false
  }
  // audio makes garbage, outage or not: what is told is what comes on top of a time without one
  const before = peakOf()
  if (!isFromStart) await pass(300, () => look(before))
  const peak = peakOf()
  const cpu = process.cpuUsage()
  sendNs = 0n
  const framesBefore = frames
  service.isDown = true
  service.wire?.cut()
  await pass(minutes * 60, () => look(peak))
  const { user, system } = process.cpuUsage(cpu)
  const blocks = (frames - framesBefore) / BLOCK_FRAMES
  const sendUs = Number(sendNs) / 1000 / blocks
  service.isDown = false
  const caughtUpSec = await pass(minutes * 120, () => look(peak) || live!.sentFrames - live!.acknowledgedFrames < RATE)
  stopTalking()
  const finished = live.finish(60_000)
  await pass(120, () => isOver)
  await finished
  await spool.close()
  const expected = createHash('sha256')
  for (let at = firstFrame; at < frames; at += BLOCK_FRAMES) {
    const block = numbered(at, Math.min(BLOCK_FRAMES, frames - at), channels)
    expected.update(new Uint8Array(block.buffer))
  }
  const filesLeft = (await readdir(folder)).length
  const isHashEqual = service.sessions.at(-1)?.intake.sha256 === expected.digest('hex')
  service.close()
  await rm(folder, { recursive: true })
  return {
    minutes,
    outageMemoryMb: (peak.rss - before.rss) / MB,
    outageBuffersMb: (peak.buffers - before.buffers) / MB,
    outageDiskMb: peak.disk / MB,
    outageChunkUs: (user + system) / blocks,
    outageSendUs: sendUs,
    caughtUpSec,
    isHashEqual,
    gaps: gaps.length,
    alarms,
    sessions,
    filesLeft,
  }
}
