import { createHash } from 'node:crypto'
import { newMeetingId, newSessionId } from '../../src/core/ids.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import type { GladiaSession } from '../../src/live/stt/gladia/session.js'
import { Spool } from '../../src/live/stt/spool/spool.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { MemoryDisk } from './memory-disk.js'
import { SimProcess, SimTime } from './sim/clock.js'
import { numbered } from './spool-rig.js'
import { SttRecorder } from './stt-stage.js'
import { WireService } from './wire-service.js'
import { seeded } from './marks-audio.js'

const RATE = 16_000
const BLOCK_MS = 50
const MB = 1024 * 1024
/** what is done to a connection cuts it at once, or with one of the next messages */
const TRIES_A_CUT = 50

/** What the cuts showed. `cutsHashEqual` of `cuts` were in sessions whose audio the service has exactly. */
export interface CutsResult {
  readonly cuts: number
  readonly cutsHashEqual: number
  /** gaps told; what they name is missing at the service, and nothing else is */
  readonly gaps: number
  readonly sessions: number
  readonly connections: number
  /** frames that the service has twice, where the session knows it */
  readonly doubledFrames: number
  /** bytes that went over the disk */
  readonly spooledBytes: number
  readonly seed: number
  /** the runs that were not exact: give `seed` back with `count` 1 to see it again */
  readonly failures: readonly { readonly seed: number; readonly behaviours: Behaviours; readonly why: string }[]
}

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)]!

/**
 * How a service may answer, as far as a client can tell what it has: where ranges count from the connection's start, an answer that is
 * lost cannot be made up for, so there none is.
 */
function behavioursOf(random: () => number): Behaviours {
  if (random() < 0.1) return { byteRangeBase: 'connection', unackedBytes: 'discarded' }
  const acks = pick<Behaviours['acks'] & (string | object)>(['each', 'each', { coalesce: 3 }, { coalesce: 8 }, { delayMs: 90 }], random)
  return {
    acks,
    unackedBytes: pick(['discarded', 'kept'] as const, random),
    byteRangeEnd: pick(['half_open', 'inclusive'] as const, random),
    emptyChunk: random() < 0.75 ? 'ack' : 'none',
  }
}

/**
 * Cuts the connection of the real adapter at random bytes, one session after the other, in simulated time: on real WebSocket frames, with
 * its audio in memory and on (simulated) disk, against the speech server's own ledger of bytes. After each session, what the service has
 * is compared with what was sent, byte by byte and by hash, at the places that the session itself knows.
 * @param count cuts, at least
 */
export async function runCuts({ count, seed }: { readonly count: number; readonly seed: number }): Promise<CutsResult> {
  const total = { cuts: 0, cutsHashEqual: 0, gaps: 0, sessions: 0, connections: 0, doubledFrames: 0, spooledBytes: 0 }
  const failures: { seed: number; behaviours: Behaviours; why: string }[] = []
  // a session that is cut at least once is what one run is; where none is, there is an end too
  for (let run = 0; total.cuts < count && run < count; run++) {
    const one = await cutSession(seed + run, Math.min(20, count - total.cuts))
    total.sessions++
    total.cuts += one.cuts
    total.gaps += one.gaps
    total.connections += one.connections
    total.doubledFrames += one.doubledFrames
    total.spooledBytes += one.spooledBytes
    if (one.why === null) total.cutsHashEqual += one.cuts
    else failures.push({ seed: seed + run, behaviours: one.behaviours, why: one.why })
  }
  return { ...total, seed, failures }
}

async function cutSession(seed: number, cuts: number) {
  const random = seeded(seed)
  const behaviours = behavioursOf(random)
  const losesAnswers = behaviours.byteRangeBase !== 'connection'
  const time = new SimTime(10, 1_800_000_000_000)
  const clock = new SimProcess(time)
  const service = new WireService(time, behaviours, { upMs: 5 + 40 * random(), downMs: losesAnswers ? 5 + 60 * random() : 0 })
  const disk = new MemoryDisk()
  const spool = new Spool({ folder: 'spool', maxBytes: 64 * MB, clock, disk, logger: silentLogger })
  const stt = createGladiaStt({
    baseUrl: 'http://service',
    apiKey: 'k',
    region: null,
    clock,
    random,
    logger: silentLogger,
    spool,
    transport: service.transport,
    limits: { bufferBytes: MB / 2, backoff: { firstMs: 50, maxMs: 500 }, maxDialsPerMinute: 10_000 },
  })
  const recorder = new SttRecorder()
  const channels = 1 + Math.floor(4 * random())
  const options = { meetingId: newMeetingId(), sessionId: newSessionId(), channels, sampleRate: RATE, language: 'en', vocabulary: [] }
  const session = stt.open(options, recorder) as GladiaSession
  const stopTalking = clock.every(BLOCK_MS, () => session.send(numbered(session.sentFrames, (RATE * BLOCK_MS) / 1000, channels)))
  let done = 0
  let spooledBytes = 0
  let next: number | null = null
  service.onWire = (wire) => {
    // a connection may be cut while it is being made, or asked where the service stands
    if (next !== null) wire.upLeft = next
    next = null
  }
  for (let tries = 0; done < cuts && recorder.ends.length === 0 && tries < TRIES_A_CUT * cuts; tries++) {
    await time.runUntil(() => recorder.ends.length > 0, 100 + 1500 * random())
    const wires = service.wires
    const kind = random()
    if (random() < 0.35) next = 1 + Math.floor(2500 * random())
    if (kind < 0.05) {
      service.isDown = true
      service.wire?.cut()
      await time.runUntil(() => false, 10_000 * random())
      service.isDown = false
    } else if (kind < 0.08 && service.wire && losesAnswers) service.wire.isBlackhole = true
    else if (kind < 0.1 && losesAnswers) {
      service.switches.set({ ...behaviours, acks: 'withhold' })
      await time.runUntil(() => service.wires > wires || recorder.ends.length > 0, 30_000)
      service.switches.set(behaviours)
    } else if (kind < 0.2) service.closeSocket(pick([1011, 1012, 1013, 4500], random))
    else if (service.wire && kind < 0.5 && losesAnswers) service.wire.downLeft = 1 + Math.floor(600 * random())
    else if (service.wire) service.wire.upLeft = 1 + Math.floor(40_000 * random())
    await time.runUntil(() => service.wires > wires || recorder.ends.length > 0, 30_000)
    done += service.wires - wires
    spooledBytes += spool.usedBytes
  }
  stopTalking()
  const early = recorder.ends[0]?.reason
  service.onWire = null
  let isOver = false
  const finished = session.finish(120_000).then(() => {
    isOver = true
  })
  await time.runUntil(() => isOver, 150_000)
  if (isOver) await finished
  const uncut = early === undefined ? `only ${done} of ${cuts} cuts were to be had` : `it ended ${early} after ${done} of ${cuts} cuts`
  const end = isOver ? verdict(session, service, recorder, channels) : 'the session never ended'
  const why = done < cuts ? uncut : end
  service.close()
  const doubledFrames = session.stream.runs.reduce((sum, { frames }) => sum + frames, 0) - session.sentFrames
  return { cuts: done, gaps: recorder.gaps.length, connections: session.connections, doubledFrames, spooledBytes, behaviours, why }
}

/** Null: what the service has is what was sent, at the places that the session says, but for the gaps that it told. */
function verdict(session: GladiaSession, service: WireService, recorder: SttRecorder, channels: number): string | null {
  const end = recorder.ends[0]?.reason
  if (service.sessions.length !== 1) return `${service.sessions.length} sessions`
  if (end !== 'done') return `it ended ${end}`
  const { samples } = service.sessions[0]!.ear
  const sent = numbered(0, session.sentFrames, channels)
  const heard = new Int16Array(sent.length)
  const isHeard = new Uint8Array(session.sentFrames)
  let at = 0
  for (const { serverFrom, frameFrom, frames } of session.stream.runs) {
    if (serverFrom !== at) return `nothing is known of position ${at}`
    at += frames
    heard.set(samples.subarray(serverFrom * channels, (serverFrom + frames) * channels), frameFrom * channels)
    isHeard.fill(1, frameFrom, frameFrom + frames)
    const [there, here] = [
      samples.subarray(serverFrom * channels, at * channels),
      sent.subarray(frameFrom * channels, (frameFrom + frames) * channels),
    ]
    if (Buffer.compare(bytesOf(there), bytesOf(here)) !== 0)
      return `at position ${serverFrom} it has something else than frame ${frameFrom}`
  }
  if (at * channels !== samples.length) return `it has ${samples.length / channels} frames, known are ${at}`
  for (const { fromFrame, toFrame } of recorder.gaps) {
    if (isHeard.subarray(fromFrame, toFrame).includes(1)) return `${fromFrame} to ${toFrame} is no gap`
    isHeard.fill(1, fromFrame, toFrame)
    heard.set(sent.subarray(fromFrame * channels, toFrame * channels), fromFrame * channels)
  }
  const missing = isHeard.indexOf(0)
  if (missing >= 0) return `frame ${missing} is missing, and no gap says so`
  if (hashOf(heard) !== hashOf(sent)) return 'the hash differs'
  return null
}

const bytesOf = (pcm: Int16Array) => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)
const hashOf = (pcm: Int16Array) => createHash('sha256').update(bytesOf(pcm)).digest('hex')
