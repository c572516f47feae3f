import { sql } from 'kysely'
import { z } from 'zod'
import { toError } from '../../core/errors.js'
import { asIdentity, asMeetingId, type MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { LivePartial, PartialFeed } from '../partials.js'
import { cleanText } from './sanitise.js'
import type { Sql } from './sql.js'

/** Channel of the notices. */
export const PARTIAL_CHANNEL = 'roomscribe_partial'
/** Notices of one meeting go out so far apart. */
const EVERY_MS = 200
/** PostgreSQL takes 8000 bytes. */
const MOST_BYTES = 7500
/** Of a longer text the end is told: that is where it grows. */
const LONGEST_TEXT = 1500
/** Utterances of one meeting that wait to be told; the oldest goes first. */
const MOST_WAITING = 64

const noticeSchema = z.object({
  meeting: z.string(),
  origin: z.string(),
  partials: z.array(
    z.object({
      id: z.string(),
      identity: z.string().nullable(),
      name: z.string().nullable(),
      startMs: z.number(),
      endMs: z.number(),
      text: z.string(),
    }),
  ),
})

/** Packs partials into notices that PostgreSQL takes. */
export function packNotices(meeting: string, origin: string, partials: readonly LivePartial[]): readonly string[] {
  const notices: string[] = []
  let batch: LivePartial[] = []
  const textOf = (some: readonly LivePartial[]) => JSON.stringify({ meeting, origin, partials: some })
  for (const partial of partials) {
    const short = { ...partial, text: cleanText(partial.text).slice(-LONGEST_TEXT) }
    if (batch.length > 0 && Buffer.byteLength(textOf([...batch, short])) > MOST_BYTES) {
      notices.push(textOf(batch))
      batch = []
    }
    batch.push(short)
  }
  if (batch.length > 0) notices.push(textOf(batch))
  return notices.filter((notice) => Buffer.byteLength(notice) <= MOST_BYTES)
}

/** Partials within this process, and to others by notices of the database, where it has any. */
export class PartialNotices implements PartialFeed {
  readonly #sql: Sql
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #logger: Logger
  readonly #listeners = new Map<MeetingId, Set<(partials: readonly LivePartial[]) => void>>()
  readonly #waiting = new Map<MeetingId, Map<string, LivePartial>>()
  #isSending = false

  /** @param scope runs the sending, and ends it */
  constructor(database: Sql, clock: Clock, scope: Scope, logger: Logger) {
    this.#sql = database
    this.#clock = clock
    this.#scope = scope
    this.#logger = logger
  }

  publish(id: MeetingId, partials: readonly LivePartial[]): void {
    this.#tell(id, partials)
    if (this.#sql.origin === null || this.#scope.signal.aborted) return
    const waiting = this.#waiting.get(id) ?? new Map<string, LivePartial>()
    this.#waiting.set(id, waiting)
    for (const partial of partials) {
      waiting.delete(partial.id)
      waiting.set(partial.id, partial)
    }
    for (const oldest of waiting.keys()) {
      if (waiting.size <= MOST_WAITING) break
      waiting.delete(oldest)
    }
    if (this.#isSending) return
    this.#isSending = true
    this.#scope.run('partials', (signal) => this.#send(this.#sql.origin ?? '', signal))
  }

  subscribe(id: MeetingId, listener: (partials: readonly LivePartial[]) => void): () => void {
    const all = this.#listeners.get(id) ?? new Set()
    this.#listeners.set(id, all.add(listener))
    return () => {
      all.delete(listener)
      if (all.size === 0 && this.#listeners.get(id) === all) this.#listeners.delete(id)
    }
  }

  /** A notice has come, of this process or another. */
  heard(payload: string | undefined): void {
    if (this.#listeners.size === 0) return
    try {
      const { meeting, origin, partials } = noticeSchema.parse(JSON.parse(payload ?? ''))
      if (origin === this.#sql.origin) return
      const told = partials.map((partial) => ({ ...partial, identity: partial.identity === null ? null : asIdentity(partial.identity) }))
      this.#tell(asMeetingId(meeting), told)
    } catch {
      // not ours: another version of us, or somebody who writes into our channel
    }
  }

  #tell(id: MeetingId, partials: readonly LivePartial[]): void {
    for (const listener of this.#listeners.get(id) ?? []) {
      try {
        listener(partials)
      } catch (thrown) {
        this.#logger.error({ err: toError(thrown) }, 'listener of partials failed')
      }
    }
  }

  /** Sends what waits until nothing does, one statement at a time. A database that is away loses partials, and nothing else. */
  async #send(origin: string, signal: AbortSignal): Promise<void> {
    try {
      while (this.#waiting.size > 0 && !signal.aborted) {
        const batch = [...this.#waiting].flatMap(([id, partials]) => packNotices(id, origin, [...partials.values()]))
        this.#waiting.clear()
        await this.#sql
          .rows(sql`SELECT pg_notify(${PARTIAL_CHANNEL}, notice) FROM unnest(${batch}::text[]) AS notice`)
          .catch((thrown: unknown) => this.#logger.debug({ err: toError(thrown) }, 'partials could not be told'))
        await this.#clock.sleep(EVERY_MS, signal)
      }
    } finally {
      this.#isSending = false
    }
  }
}
