import { FlowProducer, Queue, Worker, type RedisOptions } from 'bullmq'
import { Redis } from 'ioredis'
import type { Clock } from '../../core/time.js'
import { ConfigError, toError, UpstreamError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { JobBackend } from './backend.js'
import { CALL_TIMEOUT_MS } from './policy.js'
import { within } from '../../core/within.js'

/** BullMQ's scripts need it. */
const OLDEST_MAJOR = 6
/** A primary that was made a replica refuses writes: asked anew, its name may lead to the one that takes them. */
const reconnectOnError = (error: Error): boolean => error.message.startsWith('READONLY')

/** The server answers, and wants another password, or one at all. */
const isRefusal = (error: Error): boolean => /^(?:WRONGPASS|NOAUTH)\b/.test(error.message)

/** Reconnecting never gives up, and is back within a second of the server. */
const retryStrategy = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), 1_000)

/**
 * BullMQ on Redis. Producers share one connection that refuses commands while it is down (no offline queue),
 * so that adding fails in bounded time; workers have connections of their own that wait for the server.
 * @throws UpstreamError `queue_unreachable` when Redis does not answer within 5 s; ConfigError when it cannot hold jobs
 */
export async function redisBackend(url: string, prefix: string, clock: Clock, logger: Logger): Promise<JobBackend> {
  const shared: RedisOptions = { retryStrategy, reconnectOnError, connectTimeout: CALL_TIMEOUT_MS }
  const producer = new Redis(url, {
    ...shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: CALL_TIMEOUT_MS,
  })
  let refusal: Error | null = null
  producer.on('error', (error: Error) => {
    // what `connect` rejects with says only that the connection was closed
    if (isRefusal(error)) refusal = error
    // told by each client that shares it
    logger.debug({ err: error }, 'queue connection failed')
  })
  try {
    await within(clock, CALL_TIMEOUT_MS, connected(producer), () => new Error('timed out'))
    checkServer(await serverFacts(producer, logger))
  } catch (thrown) {
    producer.disconnect()
    if (thrown instanceof ConfigError) throw thrown
    if (refusal !== null || isRefusal(toError(thrown)))
      throw new ConfigError(['Redis refuses the password: check user and password in REDIS_URL'])
    throw new UpstreamError(
      'queue_unreachable',
      'Redis does not answer: check REDIS_URL and that the server runs and lets this host in',
      { service: 'queue', retryable: true },
      { cause: thrown },
    )
  }
  const common = { prefix, skipWaitingForReady: true } as const
  return {
    queue: (name) => new Queue(name, { ...common, connection: producer }),
    flow: () => new FlowProducer({ ...common, connection: producer }),
    worker: (name, processor, settings) =>
      new Worker(name, processor, { ...settings, prefix, connection: { ...shared, url, maxRetriesPerRequest: null } }),
    close: () => {
      // nothing is in flight: every add was awaited, and quitting a dead server would wait for it
      producer.disconnect()
      return Promise.resolve()
    },
  }
}

async function connected(producer: Redis): Promise<void> {
  await producer.connect()
  await producer.ping()
}

/** What the server says of itself; nothing when it does not let us ask. */
async function serverFacts(producer: Redis, logger: Logger): Promise<string> {
  try {
    return await producer.info()
  } catch (thrown) {
    logger.warn({ err: toError(thrown) }, 'redis does not tell its settings: that it keeps every job is not checked')
    return ''
  }
}

/**
 * A server that cannot hold jobs is found at the start, not by the first job that is gone.
 * @param info the server's answer to INFO
 * @throws ConfigError every problem, one sentence each
 */
export function checkServer(info: string): void {
  const fact = (name: string) => new RegExp(`^${name}:(.+?)\\s*$`, 'm').exec(info)?.[1]
  const problems: string[] = []
  const policy = fact('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    problems.push(`REDIS_URL names a server that may evict jobs (maxmemory-policy ${policy}): set maxmemory-policy noeviction`)
  }
  const version = fact('redis_version')
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    problems.push(`REDIS_URL names a server of version ${version}: ${OLDEST_MAJOR}.0 or later is needed`)
  }
  if (fact('role') === 'slave') problems.push('REDIS_URL names a replica, which takes no writes: set the address of the primary')
  if (problems.length > 0) throw new ConfigError(problems)
}
