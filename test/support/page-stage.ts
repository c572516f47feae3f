import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '../../src/app/config/settings.js'
import { startUp, type Up } from '../../src/app/up.js'
import { systemClock } from '../../src/core/time.js'
import { createLogger } from '../../src/observe/logger.js'
import type { Script } from '../../src/standins/actors/script.js'
import { spawnActors, type ActorsProcess } from '../../src/standins/actors/spawn.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { startTestLivekit } from './livekit.js'
import { testSettings } from './settings.js'
import { startSpeechServerProcess, type SpeechServerProcess } from './speech-server-process.js'
import { until } from './until.js'

/** The whole of `up` in this process, with a real LiveKit server and a speech server: what a browser is pointed at. */
export class PageStage {
  readonly livekit: LivekitServer
  readonly up: Up
  readonly #speech: SpeechServerProcess
  readonly #folder: string

  private constructor(livekit: LivekitServer, up: Up, speech: SpeechServerProcess, folder: string) {
    this.livekit = livekit
    this.up = up
    this.#speech = speech
    this.#folder = folder
  }

  static async start(engine: 'marks' | 'moonshine', own: Partial<Settings> = {}): Promise<PageStage> {
    const folder = await mkdtemp(join(tmpdir(), 'roomscribe-page-'))
    const [livekit, speech] = await Promise.all([startTestLivekit(), startSpeechServerProcess(engine)])
    const settings = testSettings(
      { dataDir: folder, gladiaApiUrl: speech.url, stt: 'local', drainSec: 10, language: 'en', ...own },
      livekit,
    )
    const up = await startUp(settings, { clock: systemClock, logger: createLogger('warn'), random: Math.random })
    return new PageStage(livekit, up, speech, folder)
  }

  /** Sends a bot into a room and waits until it is there. @returns id of the meeting */
  async meeting(room: string, title: string): Promise<string> {
    const { id } = (await this.call('POST', '/v1/meetings', { room, title })) as { id: string }
    await this.untilState(id, ['waiting', 'live'])
    return id
  }

  async untilState(id: string, states: readonly string[]): Promise<void> {
    await until(async () => states.includes(((await this.call('GET', `/v1/meetings/${id}`)) as { state: string }).state))
  }

  /** @throws Error any answer but a good one */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.up.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.up.apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? null : (JSON.parse(text) as unknown)
  }

  /** People who come into a room and wait for the start. */
  actors(room: string, script: Script): ActorsProcess {
    const { url, apiKey, apiSecret } = this.livekit
    const order = { url, apiKey, apiSecret, room, sampleRate: 16_000 as const, isHeld: true, script }
    return spawnActors({ clock: systemClock, order, onEvent: () => undefined })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.up.close()
    await this.#speech.stop()
    await this.livekit.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
