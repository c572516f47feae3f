import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newMeetingId, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import type { Limits } from '../../src/live/stt/gladia/limits.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import type { SttEndReason, SttEvents, SttGap, SttOpenOptions, SttPhase, SttPort, SttSession, Utterance } from '../../src/live/stt/port.js'
import { Spool } from '../../src/live/stt/spool/spool.js'
import { createLogger, silentLogger } from '../../src/observe/logger.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { startSpeechServer, type SpeechServer } from '../../src/speech-server/server.js'
import { ScriptedEngine, type ScriptedLine } from './scripted-engine.js'
import { TcpProxy } from './tcp-proxy.js'

/** Bounds scaled down so that no test waits for long; what is sent is paced at 200 x real time. */
export const FAST: Partial<Limits> = {
  replaySpeed: 200,
  emptyAckMs: 150,
  ackTimeoutMs: 600,
  stableMs: 300,
  backoff: { firstMs: 5, maxMs: 40 },
  maxDialsPerMinute: 10_000,
  requestMs: 1000,
  connectMs: 1000,
  openDeadlineMs: 2000,
  resumeDeadlineMs: 2500,
  collectMs: 2000,
  collectPollMs: 20,
  closeGraceMs: 200,
}
export const KEY = 'key-that-nobody-may-read'
export const SAMPLE_RATE = 16_000
const SPOOL_BYTES = 64 * 1024 * 1024

/** Keeps what a session says, and lets a test wait for it. */
export class SttRecorder implements SttEvents {
  readonly utterances: Utterance[] = []
  readonly gaps: SttGap[] = []
  readonly pendings: { readonly fromFrame: number; readonly toFrame: number }[] = []
  readonly phases: SttPhase[] = []
  readonly acknowledgements: number[] = []
  readonly ends: { reason: SttEndReason; replaceable: boolean; error: Error | undefined }[] = []
  /** called inside `ended` */
  onEnded: (() => void) | null = null
  #watchers: (() => void)[] = []

  utterance(utterance: Utterance): void {
    this.utterances.push(utterance)
    this.#changed()
  }
  acknowledged(frames: number): void {
    this.acknowledgements.push(frames)
    this.#changed()
  }
  gap(gap: SttGap): void {
    this.gaps.push(gap)
    this.#changed()
  }
  pending(run: { readonly fromFrame: number; readonly toFrame: number }): void {
    this.pendings.push(run)
  }
  phase(phase: SttPhase): void {
    this.phases.push(phase)
    this.#changed()
  }
  ended(reason: SttEndReason, replaceable: boolean, error?: Error): void {
    this.ends.push({ reason, replaceable, error })
    this.onEnded?.()
    this.#changed()
  }

  get finals(): Utterance[] {
    return this.utterances.filter(({ isFinal }) => isFinal)
  }

  /** Resolves once the condition holds; it is looked at after every event. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return
        this.#watchers = this.#watchers.filter((watcher) => watcher !== look)
        resolve()
      }
      this.#watchers.push(look)
    })
  }

  /** Looks at the conditions again: something else that a test waits for has changed. */
  look(): void {
    this.#changed()
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

/** One run: the real speech server, the proxy before its sockets, the adapter, and everything that was logged. */
export class SttStage {
  readonly server: SpeechServer
  readonly engine: ScriptedEngine
  readonly proxy: TcpProxy
  readonly recorder = new SttRecorder()
  readonly log: string[] = []
  readonly #front: Server
  readonly #sessions: SttSession[] = []
  readonly #limits: Partial<Limits>
  readonly #spool: Spool
  readonly #folder: string

  private constructor(
    parts: { server: SpeechServer; engine: ScriptedEngine; proxy: TcpProxy; front: Server; folder: string; spool: Spool },
    limits: Partial<Limits>,
  ) {
    this.server = parts.server
    this.engine = parts.engine
    this.proxy = parts.proxy
    this.#front = parts.front
    this.#folder = parts.folder
    this.#spool = parts.spool
    this.#limits = limits
  }

  static async start(behaviours: Behaviours = {}, script: readonly ScriptedLine[] = [], limits: Partial<Limits> = {}): Promise<SttStage> {
    const engine = new ScriptedEngine(script)
    const server = await startSpeechServer({ port: 0, engine, behaviours, apiKey: KEY, clock: systemClock, logger: silentLogger })
    const proxy = await TcpProxy.listen(server.port)
    const front = await startFront(server.url, proxy.port)
    const folder = await mkdtemp(join(tmpdir(), 'roomscribe-spool-'))
    const spool = new Spool({ folder, maxBytes: SPOOL_BYTES, clock: systemClock, logger: silentLogger })
    return new SttStage({ server, engine, proxy, front, folder, spool }, { ...FAST, ...limits })
  }

  /** where audio goes on disk, a folder a meeting */
  get spoolFolder(): string {
    return this.#folder
  }

  /** bytes of audio on disk */
  get spooledBytes(): number {
    return this.#spool.usedBytes
  }

  /** the address of the service, sockets led through the proxy */
  get url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`
  }

  /** The adapter; every session through `open` has one of its own. */
  port(options: { baseUrl?: string; apiKey?: string; region?: string | null; onDisk?: boolean } = {}): SttPort {
    const logger = createLogger('debug', (line) => {
      this.log.push(line)
      this.recorder.look()
    })
    const { baseUrl = this.url, apiKey = KEY, region = null, onDisk = false } = options
    const parts = { clock: systemClock, random: Math.random, logger, limits: this.#limits, ...(onDisk && { spool: this.#spool }) }
    return createGladiaStt({ baseUrl, apiKey, region, ...parts })
  }

  open(
    options: Partial<SttOpenOptions> & { baseUrl?: string; apiKey?: string; region?: string | null; onDisk?: boolean } = {},
    events: SttEvents = this.recorder,
  ): SttSession {
    const { baseUrl, apiKey, region, onDisk, ...request } = options
    const port = this.port({
      ...(baseUrl !== undefined && { baseUrl }),
      ...(apiKey !== undefined && { apiKey }),
      ...(region !== undefined && { region }),
      ...(onDisk !== undefined && { onDisk }),
    })
    const session = port.open(
      {
        meetingId: newMeetingId(),
        sessionId: newSessionId(),
        channels: 2,
        sampleRate: SAMPLE_RATE,
        language: 'en',
        vocabulary: [],
        ...request,
      },
      events,
    )
    this.#sessions.push(session)
    return session
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()))
    await this.#spool.close()
    await rm(this.#folder, { recursive: true })
    await this.server.close()
    await this.proxy.close()
    this.#front.closeAllConnections()
    const closed = once(this.#front, 'close')
    this.#front.close()
    await closed
  }
}

/** Passes REST calls on, and puts the proxy's port into the socket address that a creation answers with. */
async function startFront(target: string, proxyPort: number): Promise<Server> {
  const front = createServer((incoming, response) => {
    void (async () => {
      const pieces: Buffer[] = []
      for await (const piece of incoming) pieces.push(piece as Buffer)
      const answer = await fetch(target + incoming.url, {
        method: incoming.method!,
        headers: { 'x-gladia-key': String(incoming.headers['x-gladia-key'] ?? ''), 'content-type': 'application/json' },
        ...(incoming.method === 'POST' && { body: Buffer.concat(pieces) }),
      })
      const text = (await answer.text()).replace(new URL(target).host + '/v2/live?token', `127.0.0.1:${proxyPort}/v2/live?token`)
      const retryAfter = answer.headers.get('retry-after')
      response.writeHead(answer.status, { 'content-type': 'application/json', ...(retryAfter !== null && { 'retry-after': retryAfter }) })
      response.end(text)
    })().catch(() => incoming.socket.destroy())
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return front
}

/** Samples that look like noise: any doubled, lost or moved frame changes the hash, and eight of them are found nowhere else. */
export function countingPcm(frames: number, channels = 2): Int16Array {
  return Int16Array.from({ length: frames * channels }, (_, at) => {
    // the mixing step of murmur3
    let mixed = Math.imul(at ^ (at >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >> 16
  })
}

/** Cuts interleaved audio into blocks of 50 ms; yours. */
export function blocksOf(pcm: Int16Array, channels = 2, frames = SAMPLE_RATE / 20): Int16Array[] {
  const size = frames * channels
  return Array.from({ length: Math.ceil(pcm.length / size) }, (_, at) => pcm.slice(at * size, (at + 1) * size))
}
