import { FlowProducer, Queue, Worker, type RedisOptions } from 'bullmq'
import { Redis } from 'ioredis'
import type { Clock } from '../../core/time.js'
import { UpstreamError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { JobBackend } from './backend.js'
import { CALL_TIMEOUT_MS } from './policy.js'
import { within } from './within.js'

/** Reconnecting never gives up, and is back within a second of the server. */
const retryStrategy = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), 1_000)

/**
 * BullMQ on Redis. Producers share one connection that refuses commands while it is down (no offline queue),
 * so that adding fails in bounded time; workers have connections of their own that wait for the server.
 * @throws UpstreamError `queue_unreachable` when Redis does not answer within 5 s
 */
export async function redisBackend(url: string, prefix: string, clock: Clock, logger: Logger): Promise<JobBackend> {
  const shared: RedisOptions = { retryStrategy, connectTimeout: CALL_TIMEOUT_MS }
  const producer = new Redis(url, {
    ...shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: CALL_TIMEOUT_MS,
  })
  producer.on('error', (error: Error) => logger.warn({ err: error }, 'queue connection failed'))
  try {
    await within(clock, CALL_TIMEOUT_MS, connected(producer), () => new Error('timed out'))
    await warnOfEviction(producer, logger)
  } catch (thrown) {
    producer.disconnect()
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

/** A server that may evict keys loses jobs: that is for a person to put right. */
async function warnOfEviction(producer: Redis, logger: Logger): Promise<void> {
  const memory = await producer.info('memory')
  const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1]
  if (policy !== undefined && policy !== 'noeviction') {
    logger.error({ policy }, 'redis may evict jobs: set maxmemory-policy noeviction')
  }
}
