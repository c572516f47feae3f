import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asMeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import type { Gap, Span } from '../../src/live/audio/span.js'
import type { TranscriptDocument } from '../../src/live/transcript/segment.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openRecords } from '../../src/app/records.js'
import type { SessionRecord } from '../../src/records/port.js'
import type { PlayEvent, PlayHealth } from '../../src/standins/actors/play-event.js'
import type { Script } from '../../src/standins/actors/script.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { CliProcess } from './cli-process.js'
import { spawnCrowd } from './crowd-actors.js'
import { startTestLivekit } from './livekit.js'
import { MachineWatch, type Busy } from './machine-watch.js'
import { testSettings } from './settings.js'
import { startSpeechServerProcess, type SpeechServerProcess } from './speech-server-process.js'

/** How many channels the bot may use; `auto` lets it decide, null leaves the default of the product. */
export type Channels = number | 'auto' | null

/** Everything that one meeting left behind. */
export interface CrowdFacts {
  readonly script: Script
  readonly events: readonly PlayEvent[]
  /** T0 of the script and the end of the play, monotonic ms */
  readonly t0Ms: number
  readonly endMs: number
  readonly actors: PlayHealth
  /** when the machine was short of cores, monotonic ms */
  readonly busy: readonly Busy[]
  /** the bot's process while people were playing */
  readonly bot: { readonly worstDelayMs: number; readonly corePercent: number; readonly exitCode: number }
  readonly transcript: TranscriptDocument
  readonly sessions: readonly SessionRecord[]
  readonly spans: readonly Span[]
  readonly gaps: readonly Gap[]
}

const DRAIN_SEC = 30

/** A LiveKit server, a speech server, and meetings of people of software with the command `roomscribe join`, each in processes of their own. */
export class CrowdStage {
  readonly #livekit: LivekitServer
  readonly #speech: SpeechServerProcess
  readonly #folder: string
  #meetings = 0

  private constructor(livekit: LivekitServer, speech: SpeechServerProcess, folder: string) {
    this.#livekit = livekit
    this.#speech = speech
    this.#folder = folder
  }

  static async start(engine: 'marks' | 'moonshine'): Promise<CrowdStage> {
    const folder = await mkdtemp(join(tmpdir(), 'roomscribe-crowd-'))
    const livekit = await startTestLivekit()
    return new CrowdStage(livekit, await startSpeechServerProcess(engine), folder)
  }

  /**
   * Plays a script before a bot.
   * @param sampleRate 48000 for marks, 16000 for speech
   * @param settings more settings of the bot
   * @throws Error the bot failed
   */
  async play(
    script: Script,
    channels: Channels,
    sampleRate: 48_000 | 16_000 = 48_000,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<CrowdFacts> {
    const room = `crowd-${++this.#meetings}`
    const dataDir = join(this.#folder, room)
    const { url, apiKey, apiSecret } = this.#livekit
    await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate, script })
    using machine = new MachineWatch()
    const bot = this.#bot(room, dataDir, channels, settings)
    try {
      await actors.ready
      await bot.line(/\[live\]/)
      const t0Ms = actors.go()
      const health = await actors.ended
      const endMs = systemClock.monotonicMs()
      const exitCode = await bot.stop()
      if (exitCode !== 0 && exitCode !== 3) throw new Error(`the bot ended with ${exitCode}: ${bot.messages.slice(-20).join('\n')}`)
      const transcript = JSON.parse(bot.stdout.join('\n')) as TranscriptDocument
      const { probe } = bot
      return {
        script,
        events: actors.events,
        t0Ms,
        endMs,
        actors: health,
        busy: machine.busy,
        bot: {
          worstDelayMs: probe?.worstDelayMs(t0Ms, endMs) ?? Number.NaN,
          corePercent: probe?.cpuPercent(t0Ms, endMs) ?? Number.NaN,
          exitCode,
        },
        transcript,
        ...(await this.#stored(dataDir, transcript)),
      }
    } finally {
      await bot.stop()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#speech.stop()
    await this.#livekit.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #bot(room: string, dataDir: string, channels: Channels, settings: Readonly<Record<string, string>>): CliProcess {
    const { url, apiKey, apiSecret } = this.#livekit
    const env = {
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
      GLADIA_API_URL: this.#speech.url,
      ROOMSCRIBE_STT: 'local',
      ROOMSCRIBE_LANGUAGE: 'en',
      ROOMSCRIBE_DATA_DIR: dataDir,
      ROOMSCRIBE_DRAIN_SEC: String(DRAIN_SEC),
      ...(channels === null ? {} : { ROOMSCRIBE_CHANNELS: String(channels) }),
      ...settings,
    }
    return new CliProcess(['join', room, '--json'], env, true)
  }

  /** What the bot wrote down beside the transcript. */
  async #stored(dataDir: string, transcript: TranscriptDocument): Promise<Pick<CrowdFacts, 'sessions' | 'spans' | 'gaps'>> {
    const records = await openRecords(testSettings({ dataDir }, this.#livekit), { clock: systemClock, logger: silentLogger })
    try {
      const id = asMeetingId(transcript.meetingId)
      const { store } = records
      return { sessions: await store.sessions(id), spans: await store.spans(id), gaps: await store.gaps(id) }
    } finally {
      await records.close()
    }
  }
}
