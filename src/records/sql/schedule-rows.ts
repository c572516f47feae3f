import { gunzipSync, gzipSync } from 'node:zlib'
import { sql, type RawBuilder } from 'kysely'
import { validate } from 'uuid'
import { NotFoundError } from '../../core/errors.js'
import { asScheduleId, newScheduleId, type ScheduleId } from '../../core/ids.js'
import type { DueLook, KeptFeed, LookOutcome, ScheduleKind, ScheduleRecord, ScheduleRequest } from '../schedules.js'
import { timeText } from './rows.js'
import { clean, cleanText } from './sanitise.js'
import type { Sql } from './sql.js'

const MAX_PAGE = 500
/** sentences for people */
const PROBLEM_CHARS = 1_000

/** A row of `schedule` without the feed's text. */
interface ScheduleRow {
  readonly id: string
  readonly kind: ScheduleKind
  readonly room: string | null
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly slack_channel: string | null
  readonly cron: string | null
  readonly time_zone: string | null
  readonly start_at: Date | null
  readonly duration_sec: number
  readonly url: string | null
  readonly lead_sec: number
  readonly enabled: boolean
  readonly owner: string | null
  readonly rooms: readonly string[] | null
  readonly version: number
  readonly created_at: Date
  readonly polled_at: Date | null
  readonly changed_at: Date | null
  readonly problem: string | null
  readonly failures: number
}

const COLUMNS =
  sql.raw(`id, kind, room, title, language, vocabulary, slack_channel, cron, time_zone, start_at, duration_sec, url, lead_sec, enabled,
  owner, rooms, version, created_at, polled_at, changed_at, problem, failures`)

/** @throws {NotFoundError} the id is no uuid, so nothing has it */
export function checkScheduleId(id: ScheduleId): string {
  if (!validate(id)) throw missing(id)
  return id
}

const missing = (id: string) => new NotFoundError(`there is no schedule ${id.slice(0, 64)}`)
const at = (ms: number): string => new Date(ms).toISOString()

/** The rows of `schedule`: what was asked for, and when it is to be looked at. */
export class ScheduleRows {
  readonly #sql: Sql

  constructor(database: Sql) {
    this.#sql = database
  }

  async create(request: ScheduleRequest, nowMs: number): Promise<ScheduleRecord> {
    const wanted = this.#values(request)
    const [row] = await this.#sql.rows<ScheduleRow>(sql`
      INSERT INTO roomscribe.schedule (id, created_at, look_at, kind, room, title, language, vocabulary, slack_channel, cron, time_zone, start_at,
        duration_sec, url, lead_sec, enabled, owner, rooms)
      VALUES (${newScheduleId()}, ${at(nowMs)}::timestamptz, ${at(nowMs)}::timestamptz, ${sql.join(wanted)})
      RETURNING ${COLUMNS}`)
    if (!row) throw missing('')
    return scheduleOf(row)
  }

  async schedule(id: ScheduleId): Promise<ScheduleRecord> {
    const [row] = await this.#sql.rows<ScheduleRow>(sql`SELECT ${COLUMNS} FROM roomscribe.schedule WHERE id = ${checkScheduleId(id)}`)
    if (!row) throw missing(id)
    return scheduleOf(row)
  }

  async schedules({ before, limit }: { readonly before?: ScheduleId; readonly limit: number }): Promise<readonly ScheduleRecord[]> {
    const place: RawBuilder<unknown> = before === undefined ? sql`true` : sql`id < ${checkScheduleId(before)}::uuid`
    const rows = await this.#sql.rows<ScheduleRow>(sql`
      SELECT ${COLUMNS} FROM roomscribe.schedule WHERE ${place} ORDER BY id DESC LIMIT ${Math.max(1, Math.min(MAX_PAGE, Math.floor(limit)))}`)
    return rows.map(scheduleOf)
  }

  async change(id: ScheduleId, request: ScheduleRequest, nowMs: number): Promise<ScheduleRecord> {
    const wanted = this.#values(request)
    // another address is another feed: what the old one said is forgotten with its marks
    const [row] = await this.#sql.rows<ScheduleRow>(sql`
      WITH changed AS (
        UPDATE roomscribe.schedule SET
          (kind, room, title, language, vocabulary, slack_channel, cron, time_zone, start_at, duration_sec, url, lead_sec, enabled, owner, rooms)
            = (${sql.join(wanted)}),
          version = version + 1, look_at = ${at(nowMs)}::timestamptz, failures = 0, problem = NULL,
          feed = CASE WHEN url IS NOT DISTINCT FROM ${cleanUrl(request)}::text THEN feed END,
          etag = CASE WHEN url IS NOT DISTINCT FROM ${cleanUrl(request)}::text THEN etag END,
          last_modified = CASE WHEN url IS NOT DISTINCT FROM ${cleanUrl(request)}::text THEN last_modified END
        WHERE id = ${checkScheduleId(id)}
        RETURNING ${COLUMNS}
      ), dropped AS (
        UPDATE roomscribe.occurrence o SET state = 'cancelled', reason = 'the schedule was disabled'
        FROM changed c WHERE o.schedule_id = c.id AND NOT c.enabled AND o.state IN ('planned', 'skipped')
      )
      SELECT * FROM changed`)
    if (!row) throw missing(id)
    return scheduleOf(row)
  }

  async remove(id: ScheduleId): Promise<void> {
    const removed = await this.#sql.rows(sql`DELETE FROM roomscribe.schedule WHERE id = ${checkScheduleId(id)} RETURNING id`)
    if (removed.length === 0) throw missing(id)
  }

  async saveFeed(id: ScheduleId, feed: KeptFeed, nowMs: number): Promise<void> {
    const saved = await this.#sql.rows(sql`
      UPDATE roomscribe.schedule SET ${this.#feed(feed)}, version = version + 1, look_at = ${at(nowMs)}::timestamptz, failures = 0,
        polled_at = ${at(nowMs)}::timestamptz, changed_at = ${at(nowMs)}::timestamptz
      WHERE id = ${checkScheduleId(id)} RETURNING id`)
    if (saved.length === 0) throw missing(id)
  }

  async feed(id: ScheduleId): Promise<KeptFeed | null> {
    const [row] = await this.#sql.rows<{ feed: Buffer | null; etag: string | null; last_modified: string | null }>(sql`
      SELECT feed, etag, last_modified FROM roomscribe.schedule WHERE id = ${checkScheduleId(id)}`)
    if (!row?.feed) return null
    return { text: gunzipSync(row.feed).toString('utf8'), etag: row.etag, lastModified: row.last_modified }
  }

  async takeLooks(nowMs: number, limit: number, leaseMs: number): Promise<readonly DueLook[]> {
    const rows = await this.#sql.rows<ScheduleRow>(sql`
      UPDATE roomscribe.schedule s SET look_at = ${at(nowMs + leaseMs)}::timestamptz
      FROM (
        SELECT id AS due_id FROM roomscribe.schedule WHERE enabled AND look_at <= ${at(nowMs)}::timestamptz
        ORDER BY look_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ) due
      WHERE s.id = due.due_id
      RETURNING ${COLUMNS}`)
    return rows.map((row) => ({ schedule: scheduleOf(row), failures: row.failures }))
  }

  async looked({ id, version }: Pick<ScheduleRecord, 'id' | 'version'>, outcome: LookOutcome): Promise<void> {
    const { nextAt, polledAt, problem, isFailure, feed } = outcome
    await this.#sql.rows(sql`
      UPDATE roomscribe.schedule SET look_at = ${nextAt}::timestamptz, polled_at = coalesce(${polledAt}::timestamptz, polled_at),
        problem = ${problem === null ? null : cleanText(problem).slice(0, PROBLEM_CHARS)}::text,
        failures = CASE WHEN ${isFailure} THEN failures + 1 ELSE 0 END
        ${feed === null ? sql`` : sql`, ${this.#feed(feed)}, changed_at = coalesce(${polledAt}::timestamptz, changed_at)`}
      WHERE id = ${checkScheduleId(id)} AND version = ${version}`)
  }

  #feed({ text, etag, lastModified }: KeptFeed): RawBuilder<unknown> {
    return sql`feed = ${gzipSync(text)}::bytea, etag = ${etag}::text, last_modified = ${lastModified}::text`
  }

  /** In the order of the columns above, each with its type: a list of values tells the database none. */
  #values(request: ScheduleRequest): RawBuilder<unknown>[] {
    const wanted = clean(request)
    const startAt = wanted.startAt === null ? null : timeText(wanted.startAt, 'startAt')
    return [
      sql`${wanted.kind}::text`,
      sql`${wanted.room}::text`,
      sql`${wanted.title}::text`,
      sql`${wanted.language}::text`,
      sql`${JSON.stringify(wanted.vocabulary)}::jsonb`,
      sql`${wanted.slackChannel}::text`,
      sql`${wanted.cron}::text`,
      sql`${wanted.timeZone}::text`,
      sql`${startAt}::timestamptz`,
      sql`${wanted.durationSec}::integer`,
      sql`${wanted.url}::text`,
      sql`${wanted.leadSec}::integer`,
      sql`${wanted.enabled}::boolean`,
      sql`${wanted.owner}::text`,
      sql`${wanted.rooms === null ? null : JSON.stringify(wanted.rooms)}::jsonb`,
    ]
  }
}

const cleanUrl = (request: ScheduleRequest): string | null => (request.url === null ? null : cleanText(request.url))
const iso = (time: Date | null): string | null => time?.toISOString() ?? null

function scheduleOf(row: ScheduleRow): ScheduleRecord {
  return {
    id: asScheduleId(row.id),
    kind: row.kind,
    room: row.room,
    title: row.title,
    language: row.language,
    vocabulary: row.vocabulary,
    slackChannel: row.slack_channel,
    cron: row.cron,
    timeZone: row.time_zone,
    startAt: iso(row.start_at),
    durationSec: row.duration_sec,
    url: row.url,
    leadSec: row.lead_sec,
    enabled: row.enabled,
    owner: row.owner,
    rooms: row.rooms,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    lastPolledAt: iso(row.polled_at),
    lastChangedAt: iso(row.changed_at),
    problem: row.problem,
  }
}
