import { sql } from 'kysely'
import { z } from 'zod'
import { toError } from '../../core/errors.js'
import { asIdentity, asMeetingId, type MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { LiveActivity, LivePartial, PartialFeed } from '../partials.js'
import { MeetingListeners } from './meeting-listeners.js'
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
/** People of a notice who speak, and as many who wait; the first ones are told. */
const MOST_PEOPLE = 64

const people = z.array(z.string())

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
  activity: z.object({ speaking: people, waiting: people }).optional(),
})

interface Waiting {
  readonly partials: Map<string, LivePartial>
  activity: LiveActivity | null
}

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

/** Packs who speaks and who waits into one notice that PostgreSQL takes: whoever does not fit is left out. */
export function packActivity(meeting: string, origin: string, activity: LiveActivity): string {
  const speaking = activity.speaking.slice(0, MOST_PEOPLE)
  const waiting = activity.waiting.slice(0, MOST_PEOPLE)
  for (;;) {
    const notice = JSON.stringify({ meeting, origin, partials: [], activity: { speaking, waiting } })
    if (Buffer.byteLength(notice) <= MOST_BYTES) return notice
    if (waiting.length > speaking.length) waiting.pop()
    else speaking.pop()
  }
}

/** Partials, who speaks and who waits: within this process, and to others by notices of the database, where it has any. */
export class PartialNotices implements PartialFeed {
  readonly #sql: Sql
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #logger: Logger
  readonly #partials: MeetingListeners<readonly LivePartial[]>
  readonly #activity: MeetingListeners<LiveActivity>
  readonly #waiting = new Map<MeetingId, Waiting>()
  #isSending = false

  /** @param scope runs the sending, and ends it */
  constructor(database: Sql, clock: Clock, scope: Scope, logger: Logger) {
    this.#sql = database
    this.#clock = clock
    this.#scope = scope
    this.#logger = logger
    this.#partials = new MeetingListeners('partials', logger)
    this.#activity = new MeetingListeners('activity', logger)
  }

  publish(id: MeetingId, told: readonly LivePartial[]): void {
    this.#partials.tell(id, told)
    this.#pass(id, ({ partials }) => {
      for (const partial of told) {
        partials.delete(partial.id)
        partials.set(partial.id, partial)
      }
      for (const oldest of partials.keys()) {
        if (partials.size <= MOST_WAITING) break
        partials.delete(oldest)
      }
    })
  }

  publishActivity(id: MeetingId, activity: LiveActivity): void {
    this.#activity.tell(id, activity)
    this.#pass(id, (waiting) => {
      waiting.activity = activity
    })
  }

  subscribe(id: MeetingId, listener: (partials: readonly LivePartial[]) => void): () => void {
    return this.#partials.add(id, listener)
  }

  subscribeActivity(id: MeetingId, listener: (activity: LiveActivity) => void): () => void {
    return this.#activity.add(id, listener)
  }

  /** A notice has come, of this process or another. */
  heard(payload: string | undefined): void {
    if (this.#partials.isEmpty && this.#activity.isEmpty) return
    try {
      const { meeting, origin, partials, activity } = noticeSchema.parse(JSON.parse(payload ?? ''))
      if (origin === this.#sql.origin) return
      const id = asMeetingId(meeting)
      const told = partials.map((partial) => ({ ...partial, identity: partial.identity === null ? null : asIdentity(partial.identity) }))
      if (told.length > 0) this.#partials.tell(id, told)
      if (activity) this.#activity.tell(id, { speaking: activity.speaking.map(asIdentity), waiting: activity.waiting.map(asIdentity) })
    } catch {
      // not ours: another version of us, or somebody who writes into our channel
    }
  }

  /** To other processes, as soon as what was passed on before is out. */
  #pass(id: MeetingId, add: (waiting: Waiting) => void): void {
    if (this.#sql.origin === null || this.#scope.signal.aborted) return
    const waiting = this.#waiting.get(id) ?? { partials: new Map<string, LivePartial>(), activity: null }
    this.#waiting.set(id, waiting)
    add(waiting)
    if (this.#isSending) return
    this.#isSending = true
    this.#scope.run('partials', (signal) => this.#send(this.#sql.origin ?? '', signal))
  }

  /** Sends what waits until nothing does, one statement at a time. A database that is away loses it, and nothing else. */
  async #send(origin: string, signal: AbortSignal): Promise<void> {
    try {
      while (this.#waiting.size > 0 && !signal.aborted) {
        const batch = [...this.#waiting].flatMap(([id, { partials, activity }]) => [
          ...packNotices(id, origin, [...partials.values()]),
          ...(activity === null ? [] : [packActivity(id, origin, activity)]),
        ])
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
