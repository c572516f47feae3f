import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RoomServiceClient } from 'livekit-server-sdk'
import { openRecords } from '../../src/app/records.js'
import { Secret } from '../../src/app/config/secret.js'
import { asMeetingId, type MeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { botIdentity } from '../../src/live/bot/bot.js'
import type { MeetingState } from '../../src/records/port.js'
import type { OpenStore } from '../../src/records/sql/open.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { CliProcess } from './cli-process.js'
import { heapLeftMb } from './heap-left.js'
import { startTestLivekit } from './livekit.js'
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres.js'
import { startRedis, type TestRedis } from './redis.js'
import { testSettings } from './settings.js'
import { startSpeechServerProcess, type SpeechServerProcess } from './speech-server-process.js'
import { until } from './until.js'

const KEY = 'test-key'

/** What a log line says about one meeting. */
interface LogLine {
  readonly msg?: string
  readonly meeting?: string
  readonly to?: string
  readonly time?: number | string
}

/** The real roles as processes of their own, on a real LiveKit server, PostgreSQL, Redis (or the queue in SQL) and the marks server. */
export class BotStage {
  readonly livekit: LivekitServer
  readonly records: OpenStore
  /** every bot that was ever started, dead or alive */
  readonly bots: CliProcess[] = []
  #speech: SpeechServerProcess
  /** for faults: tests stop and start them */
  readonly postgres: TestPostgres
  readonly redis: TestRedis | null
  readonly #folder: string
  readonly #dead = new Set<CliProcess>()
  readonly #serves: CliProcess[] = []
  #url = ''
  #processes = 0

  private constructor(parts: {
    livekit: LivekitServer
    speech: SpeechServerProcess
    postgres: TestPostgres
    redis: TestRedis | null
    folder: string
    records: OpenStore
  }) {
    this.livekit = parts.livekit
    this.records = parts.records
    this.#speech = parts.speech
    this.postgres = parts.postgres
    this.redis = parts.redis
    this.#folder = parts.folder
  }

  /** @throws Error PostgreSQL, Redis or LiveKit is not installed */
  static async start(queue: 'redis' | 'sql'): Promise<BotStage> {
    const binaries = postgresBinaries()
    if (binaries === undefined) throw new Error('PostgreSQL is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'roomscribe-bots-'))
    const [postgres, redis, livekit, speech] = await Promise.all([
      startPostgres(binaries),
      queue === 'redis' ? startRedis() : null,
      startTestLivekit(),
      startSpeechServerProcess('marks'),
    ])
    const settings = testSettings({ dataDir: folder, databaseUrl: new Secret(postgres.url) }, livekit)
    const records = await openRecords(settings, { clock: systemClock, logger: silentLogger })
    return new BotStage({ livekit, speech, postgres, redis, folder, records })
  }

  /** Settings that all roles share. */
  env(own: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      LIVEKIT_URL: this.livekit.url,
      LIVEKIT_API_KEY: this.livekit.apiKey,
      LIVEKIT_API_SECRET: this.livekit.apiSecret,
      DATABASE_URL: this.postgres.url,
      ...(this.redis === null ? {} : { REDIS_URL: this.redis.url }),
      GLADIA_API_URL: this.#speech.url,
      ROOMSCRIBE_STT: 'local',
      ROOMSCRIBE_API_KEY: KEY,
      ROOMSCRIBE_PORT: '0',
      ROOMSCRIBE_DATA_DIR: join(this.#folder, `p${++this.#processes}`),
      ROOMSCRIBE_DRAIN_SEC: '10',
      ...own,
    }
  }

  /** Starts a `serve`; the last one started is asked for meetings. @param flags of Node @returns its address */
  async serve(flags: readonly string[] = []): Promise<string> {
    const serve = new CliProcess(['serve'], this.env(), false, flags)
    this.#serves.push(serve)
    const [, url = ''] = await serve.line(/ready at (\S+)/)
    this.#url = url
    return url
  }

  /** Starts a bot and waits until it takes meetings. */
  async bot(own: Readonly<Record<string, string>> = {}): Promise<CliProcess> {
    const bot = new CliProcess(['bot'], this.env(own))
    this.bots.push(bot)
    await bot.line(/bot ready at/)
    return bot
  }

  /** What the `serve` that is asked for meetings holds, MB of heap after a full collection; it was started with `INSPECTED`. */
  heapLeftMb(): Promise<number> {
    return heapLeftMb(this.#serves.at(-1)!)
  }

  /** bots that were not killed or sent away */
  get alive(): readonly CliProcess[] {
    return this.bots.filter((bot) => !this.#dead.has(bot))
  }

  /** of the speech server */
  get speechPid(): number {
    return this.#speech.pid
  }

  /** The speech service is away. */
  async stopSpeech(): Promise<void> {
    await this.#speech.stop()
  }

  /** It is back at the same address, and knows no session of before. */
  async startSpeech(): Promise<void> {
    this.#speech = await startSpeechServerProcess('marks', ['--port', new URL(this.#speech.url).port])
  }

  /** What `serve` tells of itself. */
  async metrics(): Promise<string> {
    const response = await fetch(`${this.#url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })
    return response.text()
  }

  /** Asks `serve` for a meeting. */
  async meeting(room: string): Promise<MeetingId> {
    const answer = await this.#call('POST', '/v1/meetings', { room })
    return asMeetingId(answer.id)
  }

  async stop(id: MeetingId): Promise<void> {
    await this.#call('POST', `/v1/meetings/${id}/stop`, {})
  }

  async state(id: MeetingId): Promise<MeetingState> {
    return (await this.records.store.meeting(id)).state
  }

  /** @returns the connections (sid) of bots that are in a room, as the server knows them */
  async botsIn(room: string): Promise<readonly string[]> {
    const { url, apiKey, apiSecret } = this.livekit
    const everybody = await new RoomServiceClient(url, apiKey, apiSecret).listParticipants(room)
    return everybody.flatMap(({ identity, sid }) => (identity === botIdentity(room) ? [sid] : []))
  }

  /** Resolves with the bot that says that it is live in the meeting, last of all that are alive. */
  async owner(id: MeetingId, timeoutMs = 30_000, not: CliProcess | null = null): Promise<CliProcess> {
    let found: CliProcess | undefined
    await until(() => {
      found = this.#ownerNow(id)
      return found !== undefined && found !== not
    }, timeoutMs)
    if (!found) throw new Error('no owner')
    return found
  }

  /** Resolves when a bot has heard the first sound of a meeting. @returns the moment, ms since 1970 */
  async heard(bot: CliProcess, id: MeetingId): Promise<number> {
    const { input } = await bot.line(new RegExp(`"meeting":"${id}".*"msg":"speech session opened"`))
    return Date.parse(String((JSON.parse(input) as LogLine).time))
  }

  /** Kills a bot the hard way. @returns the moment, ms since 1970 */
  async kill(bot: CliProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    this.#dead.add(bot)
    const atMs = systemClock.nowMs()
    bot.signal(signal)
    await bot.exited
    return atMs
  }

  /** Ends what a test left running. */
  async clear(): Promise<void> {
    await Promise.all(this.bots.map((bot) => bot.kill()))
  }

  /** The bot is on its way out: it owns nothing any more. */
  retired(bot: CliProcess): void {
    this.#dead.add(bot)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.bots.map((bot) => bot.kill()))
    await Promise.all(this.#serves.map((serve) => serve.kill()))
    await this.records.close()
    await this.#speech.stop()
    await this.livekit.stop()
    await this.redis?.close()
    await this.postgres.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #ownerNow(id: MeetingId): CliProcess | undefined {
    let last: { bot: CliProcess; atMs: number } | undefined
    for (const bot of this.bots) {
      if (this.#dead.has(bot)) continue
      for (const line of bot.stderr) {
        if (!line.startsWith('{') || !line.includes(id)) continue
        const { msg, to, time } = JSON.parse(line) as LogLine
        const atMs = typeof time === 'string' ? Date.parse(time) : (time ?? 0)
        if (msg === 'bot state changed' && to === 'live' && atMs >= (last?.atMs ?? 0)) last = { bot, atMs }
      }
    }
    return last?.bot
  }

  async #call(method: string, path: string, body: unknown): Promise<{ readonly id: string }> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as { id: string }
  }
}
