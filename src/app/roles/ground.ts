import { UpstreamError } from '../../core/errors.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import { openQueue, type OpenQueue } from '../../followup/jobs/open.js'
import { Relay } from '../../followup/pipeline/relay.js'
import { createEvents, type BusinessEvents } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import { watchLoop } from '../../observe/loop-watch.js'
import { createMetrics, type Metrics } from '../../observe/metrics.js'
import type { OpenStore } from '../../records/sql/open.js'
import type { Settings } from '../config/settings.js'
import { makeDataFolder } from '../data-folder.js'
import { openRecords } from '../records.js'
import { tracedHandlers } from './traced.js'

/** What a process is given from outside. */
export interface ProcessParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
}

/** What every role stands on: the store, the queue and its relay, the counters. */
export interface Ground extends ProcessParts {
  readonly settings: Settings
  /** closed in reverse order of what was opened */
  readonly scope: Scope
  readonly records: OpenStore
  readonly jobs: OpenQueue
  /** whoever asks for a job asks here, so that a queue that is away loses nothing: the store holds what meetings wait for */
  readonly relay: Relay
  readonly metrics: Metrics
  readonly business: BusinessEvents
  /** for banners */
  readonly describes: { readonly database: string; readonly queue: string }
}

/**
 * Opens the store and the queue.
 * @param scope closes them again, also when this fails
 * @throws ConfigError, UpstreamError what could not be opened, in one sentence
 */
export async function openGround(settings: Settings, parts: ProcessParts, scope: Scope): Promise<Ground> {
  const { clock, logger } = parts
  await makeDataFolder(settings.dataDir)
  const records = await openRecords(settings, { clock, logger })
  scope.defer('store', () => records.close())
  const opened = await openQueue({ redisUrl: settings.redisUrl?.reveal() ?? null, pool: records.pool, logger, clock })
  const jobs: OpenQueue = { ...opened, startWorkers: (handlers, share) => opened.startWorkers(tracedHandlers(handlers), share) }
  scope.defer('queue', () => jobs.close())
  const relay = new Relay({ work: records.work, queue: jobs.queue, deadLetters: jobs.deadLetters, clock, logger })
  scope.defer('relay', () => relay.close())
  jobs.onFailed((id) => relay.changedSoon(id))
  const metrics = createMetrics({ process: true })
  scope.defer(
    'loop watch',
    watchLoop(clock, logger, (seconds) => metrics.stalledSec.add(seconds, {})),
  )
  const describes = {
    database: records.kind === 'postgres' ? 'PostgreSQL' : `embedded in ${settings.dataDir}`,
    queue: settings.redisUrl ? 'Redis' : 'in the database',
  }
  return { ...parts, settings, scope, records, jobs, relay, metrics, business: createEvents(metrics), describes }
}

/** Null when the store and the queue answer, else one sentence that says which does not. */
export async function groundNotReady({ records, jobs }: Pick<Ground, 'records' | 'jobs'>): Promise<string | null> {
  try {
    await records.store.ping()
  } catch {
    return 'the database does not answer'
  }
  try {
    await jobs.queue.counts()
  } catch (thrown) {
    return thrown instanceof UpstreamError ? thrown.message : 'the queue does not answer'
  }
  return null
}
