import { randomBytes } from 'node:crypto'
import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { redactText, type Logger } from '../../observe/logger.js'
import { livekitConfig, type LivekitPorts } from './config.js'
import { freeLivekitPorts } from './free-ports.js'
import { endProcess, exitedWithin, runProcess, type ProcessExit, type RunningProcess } from './process.js'

/** How to start a development server. */
export interface LivekitServerOptions {
  /** path of a `livekit-server` */
  readonly binary: string
  /** where webhooks are posted; none when absent */
  readonly webhookUrl?: string
  /** seconds until a room that nobody entered is closed; default 300 */
  readonly emptyTimeoutSec?: number
  /** seconds until a room that everybody left is closed; default 20 */
  readonly departureTimeoutSec?: number
  readonly logger: Logger
  readonly clock: Clock
}

/** A development server on loopback, ours to end. */
export interface LivekitServer {
  /** ws://127.0.0.1:PORT */
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
  /** of the process that runs now (or ran last) */
  readonly pid: number
  /** how the process that runs now (or ran last) ended; never rejects */
  readonly exited: Promise<ProcessExit>
  /** the last 64 Ki characters that it printed */
  readonly output: string
  /** Sends a signal, for faults: SIGKILL, SIGSTOP, SIGCONT, SIGTERM. */
  signal(signal: NodeJS.Signals): void
  /** Ends what runs, if anything, and starts again on the same ports with the same keys. @throws as starting does */
  restart(): Promise<void>
  /** Ends it within seconds; may be called twice. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const START_TRIES = 4
const START_DEADLINE_MS = 20_000
const POLL_MS = 50
const STOP_GRACE_MS = 400

/**
 * Starts a server on free loopback ports and waits until it answers. A lost race for a port is retried with others.
 * @throws UpstreamError code `livekit_start_failed`, with the server's last lines, secrets removed
 */
export async function startLivekitServer(options: LivekitServerOptions): Promise<LivekitServer> {
  const server = new DevelopmentServer(options)
  await server.startOnFreePorts()
  return server
}

class DevelopmentServer implements LivekitServer {
  readonly apiKey = 'devkey'
  readonly apiSecret = randomBytes(30).toString('base64url')
  readonly #options: LivekitServerOptions
  #ports: LivekitPorts = { http: 0, tcp: 0, udp: 0 }
  #running: RunningProcess | undefined

  constructor(options: LivekitServerOptions) {
    this.#options = options
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#ports.http}`
  }

  get pid(): number {
    return this.#current().pid ?? 0
  }

  get exited(): Promise<ProcessExit> {
    return this.#current().exited
  }

  get output(): string {
    return this.#current().output.text
  }

  signal(signal: NodeJS.Signals): void {
    this.#current().kill(signal)
  }

  async startOnFreePorts(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#ports = await freeLivekitPorts()
      try {
        await this.#start()
        return
      } catch (error) {
        if (attempt === START_TRIES || !lostPortRace(this.output)) throw error
        this.#options.logger.debug({ attempt }, 'livekit server lost a race for a port')
      }
    }
  }

  async restart(): Promise<void> {
    await this.stop()
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#start()
        return
      } catch (error) {
        if (attempt === START_TRIES || !lostPortRace(this.output)) throw error
        await this.#options.clock.sleep(POLL_MS * 2 ** attempt)
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#running) await endProcess(this.#running, this.#options.clock, STOP_GRACE_MS)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #start(): Promise<void> {
    const { binary, webhookUrl, clock, logger } = this.#options
    const started = clock.monotonicMs()
    const config = livekitConfig({
      ports: this.#ports,
      apiKey: this.apiKey,
      apiSecret: this.apiSecret,
      webhookUrl,
      emptyTimeoutSec: this.#options.emptyTimeoutSec ?? 300,
      departureTimeoutSec: this.#options.departureTimeoutSec ?? 20,
    })
    const running = runProcess(binary, ['--config-body', config])
    this.#running = running
    while (!(await answers(this.#ports.http))) {
      if (await exitedWithin(running, clock, POLL_MS)) throw this.#failure('ended while starting')
      if (clock.monotonicMs() - started > START_DEADLINE_MS) {
        await this.stop()
        throw this.#failure(`did not answer within ${START_DEADLINE_MS / 1000} s`)
      }
    }
    logger.info({ url: this.url, pid: running.pid, ms: Math.round(clock.monotonicMs() - started) }, 'livekit server started')
  }

  #failure(what: string): UpstreamError {
    const lines = this.#current()
      .output.lines(12)
      .map((line) => redactText(line).replaceAll(this.apiSecret, '[redacted]'))
    const shown = lines.length === 0 ? 'it printed nothing' : `it printed:\n  ${lines.join('\n  ')}`
    return new UpstreamError('livekit_start_failed', `the LiveKit server ${this.#options.binary} ${what}; ${shown}`, {
      service: 'livekit',
      retryable: false,
    })
  }

  #current(): RunningProcess {
    if (!this.#running) throw new Error('the server has not been started')
    return this.#running
  }
}

/** Whether a server's output says that a port was taken. */
export function lostPortRace(output: string): boolean {
  return /address already in use/i.test(output)
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
