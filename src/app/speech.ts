import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { backoffMs } from '../core/backoff.js'
import { deferred } from '../core/deferred.js'
import { toError, UpstreamError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import { workerFile } from '../core/worker-file.js'
import { FailoverStt } from '../live/stt/failover.js'
import { checkGladia } from '../live/stt/gladia/check.js'
import { createGladiaStt } from '../live/stt/gladia/open.js'
import type { SttPort } from '../live/stt/port.js'
import { Spool } from '../live/stt/spool/spool.js'
import type { Logger } from '../observe/logger.js'
import { childEnvironment } from './config/process-env.js'
import type { Settings } from './config/settings.js'

/** Speech recognition as the settings say. */
export interface Speech {
  readonly stt: SttPort
  /** for banners: who recognises, and where */
  readonly describes: string
  close(): Promise<void>
}

/** Address of the real service. */
export const GLADIA_URL = 'https://api.gladia.io'

/** A speech service that the settings name, and the key that it gets. */
export interface SpeechService {
  readonly baseUrl: string
  readonly apiKey: string
}

/** A server that is not Gladia's gets this key where no other is meant for it. */
const LOCAL_KEY = 'local'

/** The service that the settings name; null: the local recogniser, in a process of its own. */
export function speechServiceOf({ stt, gladiaApiKey, gladiaApiUrl }: Settings): SpeechService | null {
  if (stt === 'gladia') return { baseUrl: gladiaApiUrl ?? GLADIA_URL, apiKey: gladiaApiKey?.reveal() ?? '' }
  return gladiaApiUrl === null ? null : { baseUrl: gladiaApiUrl, apiKey: LOCAL_KEY }
}

/** For whoever is refused: why the service gets the key `local`; null: it gets that of the settings. */
export function whyLocalKey({ stt, gladiaApiKey }: Settings): string | null {
  if (stt === 'gladia') return null
  return `it gets the key \`${LOCAL_KEY}\`, since ${gladiaApiKey === null ? 'GLADIA_API_KEY is not set' : 'ROOMSCRIBE_STT is local'}`
}

/** The command line of this very product, compiled. */
export const mainFile = (): string => fileURLToPath(workerFile(import.meta.url, '../cli/main.js'))

/**
 * Opens what the settings ask for: Gladia, or a local speech server in a process of its own (a native abort of the
 * recogniser must not take meetings along), which is started again on the same port when it dies.
 * @throws UpstreamError, RoomscribeError the local server did not start; the sentence says why
 */
export async function openSpeech(settings: Settings, parts: { clock: Clock; logger: Logger; random: () => number }): Promise<Speech> {
  const { clock, logger, random } = parts
  const spool = new Spool({ folder: join(settings.dataDir, 'spool'), maxBytes: settings.spoolMaxMb * 1024 * 1024, clock, logger })
  await spool.tend()
  try {
    return await openWith(settings, { clock, random, logger, spool })
  } catch (thrown) {
    // it is tended by the hour: an open one keeps a process that could not start from ending
    await spool.close()
    throw thrown
  }
}

async function openWith(settings: Settings, common: Common): Promise<Speech> {
  const { clock, logger, spool } = common
  const service = speechServiceOf(settings)
  if (service !== null && settings.stt === 'gladia') {
    const { baseUrl, apiKey } = service
    const gladia = { ...service, region: settings.gladiaRegion, ...common }
    if (settings.fallback !== 'local')
      return { stt: createGladiaStt(gladia), describes: `Gladia at ${baseUrl}`, close: () => spool.close() }
    const afterMs = settings.fallbackAfterSec * 1000
    const local = await openLocal(settings, common)
    const stt = new FailoverStt({
      primary: createGladiaStt({ ...gladia, limits: { openDeadlineMs: afterMs, resumeDeadlineMs: afterMs, collectAwayMs: 0 } }),
      fallback: local.stt,
      afterMs,
      clock,
      logger,
      isBack: () =>
        checkGladia(baseUrl, apiKey).then(
          () => true,
          () => false,
        ),
    })
    const close = async () => {
      stt.close()
      await spool.close()
      await local.close()
    }
    return { stt, describes: `Gladia at ${baseUrl}; while it is away, ${local.describes}`, close }
  }
  if (service !== null) {
    const stt = createGladiaStt({ ...service, region: null, ...common })
    return { stt, describes: `speech server at ${service.baseUrl} (${whyLocalKey(settings) ?? ''})`, close: () => spool.close() }
  }
  const local = await openLocal(settings, common)
  const close = async () => {
    await spool.close()
    await local.close()
  }
  return { ...local, close }
}

type Common = Pick<Parameters<typeof createGladiaStt>[0], 'clock' | 'random' | 'logger'> & { readonly spool: Spool }

async function openLocal(settings: Settings, common: Common): Promise<Speech> {
  const { clock, logger, random } = common
  const apiKey = randomBytes(18).toString('base64url')
  const child = new SpeechServerChild(settings.cacheDir, apiKey, clock, logger, random)
  const baseUrl = await child.start()
  const stt = createGladiaStt({ baseUrl, apiKey, region: null, ...common })
  return { stt, describes: `local recogniser (Moonshine) at ${baseUrl}`, close: () => child.close() }
}

const READY = /ready at (http:\/\/\S+)/
const RESTART = { firstMs: 500, maxMs: 10_000 }
const STABLE_MS = 60_000
/** One that has not answered by then will not: loading the recogniser takes seconds, on a busy machine tens of them. */
const START_MS = 120_000
const STOP_MS = 10_000
const KEPT_LINES = 20

/** Keeps one local speech server running. */
class SpeechServerChild {
  readonly #cacheDir: string
  readonly #apiKey: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  #process: ChildProcess | null = null
  #exited: Promise<void> = Promise.resolve()
  #port = 0
  #closing = false
  #attempt = 0
  #cancelRestart: (() => void) | null = null

  constructor(cacheDir: string, apiKey: string, clock: Clock, logger: Logger, random: () => number) {
    this.#cacheDir = cacheDir
    this.#apiKey = apiKey
    this.#clock = clock
    this.#logger = logger
    this.#random = random
  }

  /** Resolves with the address once the server answers. */
  async start(): Promise<string> {
    const startedMs = this.#clock.monotonicMs()
    const lines: string[] = []
    let child: ChildProcess
    try {
      // the IPC channel tells the child when we are gone, however we went
      child = spawn(
        process.execPath,
        [mainFile(), 'speech-server', '--port', String(this.#port), '--engine', 'moonshine', '--with-parent'],
        {
          stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
          env: childEnvironment({ ROOMSCRIBE_CACHE_DIR: this.#cacheDir, ROOMSCRIBE_API_KEY: this.#apiKey }),
        },
      )
    } catch (thrown) {
      throw this.#gone(startedMs, toError(thrown).message, { err: toError(thrown) })
    }
    const exited = deferred()
    this.#process = child
    this.#exited = exited.promise
    return new Promise((resolve, reject) => {
      let isLate = false
      const cancel = this.#clock.after(START_MS, () => {
        isLate = true
        child.kill('SIGKILL')
      })
      const gone = (told: string, facts: object) => {
        cancel()
        exited.resolve()
        reject(this.#gone(startedMs, told, facts))
      }
      child.once('exit', (code, signal) => {
        const last =
          lines.findLast((line) => line.startsWith('roomscribe: '))?.slice('roomscribe: '.length) ??
          `it ended with ${signal ?? `code ${code}`}`
        gone(isLate ? `it was not ready within ${START_MS / 1000} s` : last, { code, signal })
      })
      // no process or no open file is left; that nobody listened would end this process, and its meetings
      child.on('error', (error) => {
        if (child.pid === undefined) gone(error.message, { err: error })
        else this.#logger.warn({ err: error }, 'local speech server had an error')
      })
      if (!child.stderr) return
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
        const url = READY.exec(line)?.[1]
        if (url !== undefined) {
          this.#port = Number(new URL(url).port)
          cancel()
          resolve(url)
        }
      })
    })
  }

  /** There is no server any more; one that has answered is started again. */
  #gone(startedMs: number, told: string, facts: object): UpstreamError {
    this.#process = null
    if (!this.#closing && this.#port !== 0) this.#restart(startedMs, facts)
    return new UpstreamError('speech_server', `the local speech server did not start: ${told}`, { service: 'speech', retryable: false })
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#cancelRestart?.()
    const child = this.#process
    if (!child) return
    child.kill('SIGTERM')
    const cancel = this.#clock.after(STOP_MS, () => child.kill('SIGKILL'))
    await this.#exited
    cancel()
  }

  #restart(startedMs: number, facts: object): void {
    if (this.#clock.monotonicMs() - startedMs > STABLE_MS) this.#attempt = 0
    const waitMs = backoffMs(RESTART, this.#attempt++, this.#random)
    this.#logger.error({ ...facts, waitMs }, 'local speech server died, starting it again')
    this.#cancelRestart = this.#clock.after(waitMs, () => {
      this.start().catch((error: unknown) => this.#logger.error({ err: error }, 'local speech server did not start again'))
    })
  }
}
