import { z } from 'zod'
import type { Client } from 'pg'
import { backoffMs } from '../../core/backoff.js'
import { deferred } from '../../core/deferred.js'
import { asMeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import type { Logger } from '../../observe/logger.js'
import type { Feed } from './feed.js'
import { PARTIAL_CHANNEL, type PartialNotices } from './partial-notices.js'

const RECONNECT = { firstMs: 250, maxMs: 10_000 }
/** a connection that held this long was a good one: the next wait starts small again */
const STABLE_MS = 30_000

const announcementSchema = z.object({
  meeting: z.string(),
  kind: z.enum(['segment', 'gap', 'state']),
  first: z.number().nullable(),
  origin: z.string(),
})

/** What `roomscribe.tell` announced, or undefined when it is not of that shape. */
export function parseAnnouncement(payload: string | undefined): z.infer<typeof announcementSchema> | undefined {
  try {
    return announcementSchema.parse(JSON.parse(payload ?? ''))
  } catch {
    return undefined
  }
}

/**
 * Hears what other processes store, on a connection of its own, until the signal aborts. A lost connection is made again
 * with growing waits, for ever: after each success the feed reads what it may have missed.
 */
export async function listen(
  newClient: () => Client,
  origin: string,
  feed: Feed,
  partials: PartialNotices,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const fault = new LastingFault(
    { clock, logger },
    {
      failed: 'live feed lost the database',
      lasts: 'live feed has not had the database for a minute: what other processes store is not shown live',
      over: 'live feed has the database again',
    },
  )
  for (let attempt = 0; !signal.aborted; attempt++) {
    const startedMs = clock.monotonicMs()
    try {
      await listenOnce(newClient(), origin, feed, partials, () => fault.worked(), signal)
    } catch (thrown) {
      fault.failed(thrown)
    }
    if (signal.aborted) return
    if (clock.monotonicMs() - startedMs > STABLE_MS) attempt = 0
    await clock.sleep(backoffMs(RECONNECT, attempt, Math.random), signal).catch(() => undefined)
  }
}

async function listenOnce(
  client: Client,
  origin: string,
  feed: Feed,
  partials: PartialNotices,
  hears: () => void,
  signal: AbortSignal,
): Promise<void> {
  const over = deferred()
  client.on('error', over.reject)
  client.on('end', over.resolve)
  // awaited below, or the connection never came about
  over.promise.catch(() => undefined)
  const end = () => client.end().catch(() => undefined)
  const stop = () => {
    void end()
    // a server that stands still says no good-bye: the pool's owner cuts what is left
    over.resolve()
  }
  client.on('notification', ({ channel, payload }) => {
    if (channel === PARTIAL_CHANNEL) return partials.heard(payload)
    const heard = parseAnnouncement(payload)
    if (!heard || heard.origin === origin) return
    const id = asMeetingId(heard.meeting)
    const first = heard.first ?? undefined
    if (heard.kind === 'state') feed.announced(id, { state: true })
    else if (first !== undefined) feed.announced(id, heard.kind === 'segment' ? { seq: first } : { gap: first })
  })
  try {
    await client.connect()
    if (signal.aborted) return
    signal.addEventListener('abort', stop, { once: true })
    await client.query(`LISTEN roomscribe_feed; LISTEN ${PARTIAL_CHANNEL}`)
    hears()
    feed.lost()
    await over.promise
  } finally {
    signal.removeEventListener('abort', stop)
    const ended = end()
    if (!signal.aborted) await ended
  }
}
