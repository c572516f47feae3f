import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UpstreamError } from '../core/errors.js'
import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import { createApi, listen } from '../control/api/server.js'
import { createSlackDelivery } from '../followup/delivery/slack/deliver.js'
import { openQueue } from '../followup/jobs/open.js'
import { createPipeline } from '../followup/pipeline/pipeline.js'
import { deadLettersOf, Relay } from '../followup/pipeline/relay.js'
import { createExtractiveSummariser } from '../followup/summary/extractive.js'
import type { JobQueue } from '../followup/port.js'
import { loadVoice } from '../live/audio/voice/load.js'
import type { MeetingObserver } from '../live/bot/bot.js'
import { disposeRoomLibrary } from '../live/room/livekit/open.js'
import { withDistinctNames } from '../live/transcript/render/speakers.js'
import { createEvents } from '../observe/events.js'
import type { Logger } from '../observe/logger.js'
import { createMetrics } from '../observe/metrics.js'
import type { MeetingRecord, MeetingStore } from '../records/port.js'
import { botOptions, createAttendance } from './attend.js'
import type { Settings } from './config/settings.js'
import { FinalsFolder } from '../records/finals/finals-folder.js'
import { openRecords } from './records.js'
import { openRoom } from './room.js'
import { openSpeech } from './speech.js'
import { loadTranscript, transcriptAs } from './transcripts.js'

/** Everything in one process. */
export interface Up {
  readonly url: string
  readonly port: number
  /** the bearer key that the API takes */
  readonly apiKey: string
  readonly store: MeetingStore
  readonly queue: JobQueue
  /** for banners: which parts are in use */
  readonly describes: { readonly database: string; readonly queue: string; readonly speech: string; readonly slack: string }
  /** Takes nothing new, lets running meetings finish until the deadline, closes everything. May be called twice. */
  close(): Promise<void>
}

const DRAIN_GRACE_MS = 30_000

/** The key of the settings, or one that is made once and kept in the data folder, readable by its owner only. */
async function apiKeyOf(settings: Settings): Promise<string> {
  if (settings.apiKey) return settings.apiKey.reveal()
  const path = join(settings.dataDir, 'api-key')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (kept.trim() !== '') return kept.trim()
  const made = randomBytes(24).toString('base64url')
  await writeFile(path, `${made}\n`, { mode: 0o600 })
  return made
}

/**
 * Starts control plane, live plane and jobs in this process, on embedded defaults or on what the settings name.
 * @param observe makes the watcher of a meeting
 * @throws ConfigError, UpstreamError what could not be opened, in one sentence; everything opened before is closed again
 */
export async function startUp(
  settings: Settings,
  parts: { clock: Clock; logger: Logger; random: () => number; observe?: (meeting: MeetingRecord) => MeetingObserver },
): Promise<Up> {
  const { clock, logger, random } = parts
  const scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  try {
    await mkdir(settings.dataDir, { recursive: true })
    // side by side: the first start of the embedded database takes seconds, and so does loading a recogniser
    const [records, speech] = await bothOrNone(openRecords(settings, { clock, logger }), openSpeech(settings, { clock, logger, random }))
    scope.defer('store', () => records.close())
    scope.defer('speech', () => speech.close())
    const { store } = records
    const jobs = await openQueue({ redisUrl: settings.redisUrl?.reveal() ?? null, pool: records.pool, logger })
    scope.defer('queue', () => jobs.close())
    // the store holds what meetings wait for; whoever asks for a job asks the relay, so that a queue that is away loses nothing
    const relay = new Relay({ work: records.work, queue: jobs.queue, deadLetters: jobs.deadLetters, clock, logger })
    scope.defer('relay', () => relay.close())
    scope.defer('room library', () => disposeRoomLibrary())
    const metrics = createMetrics({ process: true })
    const business = createEvents(metrics)
    const room = openRoom(settings, { clock, logger, business })
    const finals = new FinalsFolder(join(settings.dataDir, 'finals'), logger)
    await finals.adopt(store)
    const attendance = createAttendance(
      { room, stt: speech.stt, store, finals, clock, logger, random, detector: await loadVoice(), business },
      botOptions(settings),
      relay,
      parts.observe ?? (() => ({})),
    )
    const token = settings.slackBotToken?.reveal()
    const deliveries =
      token === undefined
        ? []
        : [
            createSlackDelivery({
              token,
              channel: settings.slackChannel,
              ...(settings.slackApiUrl === null ? {} : { apiUrl: settings.slackApiUrl }),
              clock,
              logger,
              store,
            }),
          ]
    const pipeline = createPipeline({
      store,
      summariser: createExtractiveSummariser(),
      deliveries,
      // summaries and posts name people without their identity
      loadTranscript: async (id) => withDistinctNames(await loadTranscript(store, id)),
      clock,
      logger,
    })
    const stopping = new AbortController()
    const workers = await jobs.startWorkers(
      {
        ...pipeline,
        attend: async (id, signal) => {
          // a meeting that waits its turn is left to the next process
          if (stopping.signal.aborted)
            throw new UpstreamError('stopping', 'this process is stopping', { service: 'queue', retryable: true })
          await attendance.attend(id, AbortSignal.any([signal, stopping.signal]))
        },
      },
      { attendConcurrency: settings.maxMeetings },
    )
    relay.start()
    const apiKey = await apiKeyOf(settings)
    const api = createApi({
      store,
      queue: relay,
      work: records.work,
      deadLetters: deadLettersOf(jobs.deadLetters, relay),
      renderTranscript: (id, format) => transcriptAs(store, id, format),
      defaultLanguage: settings.language,
      apiKey,
      notReady: () => readiness(store, jobs.queue),
      metrics: () => metrics.text(),
      logger,
    })
    const server = await listen(api, settings.host, settings.port)
    await writeFile(join(settings.dataDir, 'port'), `${server.port}\n`)
    // closed in reverse: no new requests, then the meetings and what follows them, then what they rest on
    scope.defer('workers', async () => {
      stopping.abort(new Error('this process is stopping'))
      await untilIdle(jobs.queue, clock, settings.drainSec * 1000 + DRAIN_GRACE_MS)
      await workers.close(DRAIN_GRACE_MS)
    })
    scope.defer('http', () => server.close())
    return {
      url: `http://${settings.host}:${server.port}`,
      port: server.port,
      apiKey,
      store,
      queue: jobs.queue,
      describes: {
        database: records.kind === 'postgres' ? 'PostgreSQL' : `embedded in ${settings.dataDir}`,
        queue: settings.redisUrl ? 'Redis' : 'in the database',
        speech: speech.describes,
        slack: token === undefined ? 'off (SLACK_BOT_TOKEN is not set)' : (settings.slackApiUrl ?? 'slack.com'),
      },
      close: () => scope.close(),
    }
  } catch (thrown) {
    await scope.close().catch((error: unknown) => logger.error({ err: error }, 'closing after a failed start failed too'))
    throw thrown
  }
}

type Closeable = { close(): Promise<void> }

/** Waits for two things that open at the same time. @throws the first one's failure, after the other one is closed again */
async function bothOrNone<A extends Closeable, B extends Closeable>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second])
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value]
  if (a.status === 'fulfilled') await a.value.close()
  if (b.status === 'fulfilled') await b.value.close()
  throw a.status === 'rejected' ? a.reason : (b as PromiseRejectedResult).reason
}

const BUSY = ['active', 'waiting', 'waiting-children', 'prioritized']
const IDLE_POLL_MS = 100

/** Meetings that were stopped still have to be summarised and posted; what is not done by the deadline waits for the next start. */
async function untilIdle(queue: JobQueue, clock: Clock, deadlineMs: number): Promise<void> {
  for (const endMs = clock.monotonicMs() + deadlineMs; clock.monotonicMs() < endMs; await clock.sleep(IDLE_POLL_MS)) {
    const counts = await queue.counts().catch(() => null)
    if (counts === null) return
    const busy = Object.entries(counts).some(([name, count]) => count > 0 && BUSY.some((state) => name.endsWith(`.${state}`)))
    if (!busy) return
  }
}

async function readiness(store: MeetingStore, queue: JobQueue): Promise<string | null> {
  try {
    await store.ping()
  } catch {
    return 'the database does not answer'
  }
  try {
    await queue.counts()
  } catch (thrown) {
    return thrown instanceof UpstreamError ? thrown.message : 'the queue does not answer'
  }
  return null
}
