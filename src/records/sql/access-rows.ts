import { sql } from 'kysely'
import { v7, validate } from 'uuid'
import { ConflictError, NotFoundError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import {
  AUDIT_DAYS,
  IDEMPOTENCY_HOURS,
  MOST_KEYS,
  type AccessBook,
  type AuditEntry,
  type IdempotencyStanding,
  type KeptAnswer,
  type KeyRecord,
  type Permission,
  type StoredAuditEntry,
} from '../access.js'
import { clean, cleanText } from './sanitise.js'
import type { Sql } from './sql.js'

interface KeyRow {
  readonly id: string
  readonly name: string
  readonly hash: string
  readonly scopes: readonly Permission[]
  readonly rooms: readonly string[] | null
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

interface AuditRow {
  readonly n: string
  readonly at: Date
  readonly key_id: string
  readonly key_name: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly meeting_id: string | null
  readonly note: string | null
}

interface IdempotencyRow {
  readonly request_hash: string
  readonly status: number | null
  readonly content_type: string | null
  readonly body: string | null
}

const keyOf = (row: KeyRow): KeyRecord => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes,
  rooms: row.rooms,
  createdAt: row.created_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
})

/** Keys, the log of writes, kept answers and secrets in SQL. */
export class AccessRows implements AccessBook {
  readonly #sql: Sql
  readonly #clock: Clock
  readonly #newSecret: () => string

  /** @param newSecret makes a secret that nobody can guess */
  constructor(database: Sql, clock: Clock, newSecret: () => string) {
    this.#sql = database
    this.#clock = clock
    this.#newSecret = newSecret
  }

  async createKey(key: Pick<KeyRecord, 'name' | 'scopes' | 'rooms'>, hash: string): Promise<KeyRecord> {
    const [row] = await this.#sql.rows<KeyRow>(sql`
      INSERT INTO roomscribe.api_key (id, name, hash, scopes, rooms, created_at)
      SELECT ${v7()}::uuid, ${cleanText(key.name)}::text, ${hash}::text, ${JSON.stringify(key.scopes)}::jsonb,
        ${key.rooms === null ? null : JSON.stringify(clean(key.rooms))}::jsonb, ${this.#at()}::timestamptz
      WHERE (SELECT count(*) FROM roomscribe.api_key) < ${MOST_KEYS}
      RETURNING *`)
    if (!row) throw new ConflictError(`there are ${MOST_KEYS} keys already, revoked ones included`)
    return keyOf(row)
  }

  async keys(): Promise<readonly KeyRecord[]> {
    return (await this.#sql.rows<KeyRow>(sql`SELECT * FROM roomscribe.api_key ORDER BY id DESC`)).map(keyOf)
  }

  async revokeKey(id: string): Promise<KeyRecord> {
    if (!validate(id)) throw new NotFoundError('there is no such key')
    const [row] = await this.#sql.rows<KeyRow>(sql`
      UPDATE roomscribe.api_key SET revoked_at = coalesce(revoked_at, ${this.#at()}::timestamptz) WHERE id = ${id} RETURNING *`)
    if (!row) throw new NotFoundError('there is no such key')
    return keyOf(row)
  }

  async keyByHash(hash: string): Promise<{ key: KeyRecord; hash: string } | null> {
    const [row] = await this.#sql.rows<KeyRow>(sql`SELECT * FROM roomscribe.api_key WHERE hash = ${hash} AND revoked_at IS NULL`)
    return row ? { key: keyOf(row), hash: row.hash } : null
  }

  async keyById(id: string): Promise<KeyRecord | null> {
    if (!validate(id)) return null
    const [row] = await this.#sql.rows<KeyRow>(sql`SELECT * FROM roomscribe.api_key WHERE id = ${id} AND revoked_at IS NULL`)
    return row ? keyOf(row) : null
  }

  async validKeys(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#sql.rows<{ id: string }>(sql`
      SELECT id FROM roomscribe.api_key WHERE id = ANY(${ids.filter((id) => validate(id))}::uuid[]) AND revoked_at IS NULL`)
    return new Set(rows.map(({ id }) => id))
  }

  async used(id: string): Promise<void> {
    if (validate(id)) await this.#sql.rows(sql`UPDATE roomscribe.api_key SET last_used_at = ${this.#at()}::timestamptz WHERE id = ${id}`)
  }

  async audit(entry: AuditEntry): Promise<void> {
    const { keyId, keyName, method, path, status, meetingId, note } = clean(entry)
    await this.#sql.rows(sql`
      INSERT INTO roomscribe.audit (at, key_id, key_name, method, path, status, meeting_id, note)
      VALUES (${this.#at()}, ${keyId}, ${keyName}, ${method}, ${path}, ${status}, ${meetingId}, ${note})`)
  }

  async audits(filter: { readonly before?: number; readonly limit: number }): Promise<readonly StoredAuditEntry[]> {
    const rows = await this.#sql.rows<AuditRow>(sql`
      SELECT * FROM roomscribe.audit WHERE n < ${filter.before ?? Number.MAX_SAFE_INTEGER} ORDER BY n DESC LIMIT ${filter.limit}`)
    return rows.map((row) => ({
      id: Number(row.n),
      at: row.at.toISOString(),
      keyId: row.key_id,
      keyName: row.key_name,
      method: row.method,
      path: row.path,
      status: row.status,
      meetingId: row.meeting_id,
      note: row.note,
    }))
  }

  async signingSecret(): Promise<string> {
    await this.#sql.rows(sql`
      INSERT INTO roomscribe.secret (name, value) VALUES ('signing', ${this.#newSecret()}) ON CONFLICT (name) DO NOTHING`)
    const [row] = await this.#sql.rows<{ value: string }>(sql`SELECT value FROM roomscribe.secret WHERE name = 'signing'`)
    if (!row) throw new NotFoundError('the signing secret is gone')
    return row.value
  }

  async begin(keyId: string, idempotencyKey: string, requestHash: string): Promise<IdempotencyStanding> {
    const now = this.#at()
    const idempotency = cleanText(idempotencyKey)
    const tooOld = new Date(this.#clock.nowMs() - IDEMPOTENCY_HOURS * 3_600_000).toISOString()
    const givenUp = new Date(this.#clock.nowMs() - GIVEN_UP_MS).toISOString()
    // one statement decides: of two at once, one is new
    const [mine] = await this.#sql.rows<IdempotencyRow>(sql`
      INSERT INTO roomscribe.idempotency AS i (key_id, idempotency_key, request_hash, at)
      VALUES (${keyId}, ${idempotency}, ${requestHash}, ${now})
      ON CONFLICT (key_id, idempotency_key) DO UPDATE
        SET request_hash = excluded.request_hash, at = excluded.at, status = NULL, content_type = NULL, body = NULL
        WHERE i.at < ${tooOld}::timestamptz
          OR (i.status IS NULL AND i.at < ${givenUp}::timestamptz AND i.request_hash = excluded.request_hash)
      RETURNING request_hash, status, content_type, body`)
    if (mine) return { kind: 'new' }
    const [row] = await this.#sql.rows<IdempotencyRow>(sql`
      SELECT request_hash, status, content_type, body FROM roomscribe.idempotency
      WHERE key_id = ${keyId} AND idempotency_key = ${idempotency}`)
    // it was let go of in between: whoever comes next is new
    if (!row) return { kind: 'running' }
    if (row.request_hash !== requestHash) return { kind: 'other' }
    if (row.status === null) return { kind: 'running' }
    return { kind: 'done', answer: { status: row.status, contentType: row.content_type ?? '', body: row.body ?? '' } }
  }

  async settle(keyId: string, idempotencyKey: string, answer: KeptAnswer | null): Promise<void> {
    const idempotency = cleanText(idempotencyKey)
    if (answer === null) {
      await this.#sql.rows(sql`DELETE FROM roomscribe.idempotency WHERE key_id = ${keyId} AND idempotency_key = ${idempotency}`)
      return
    }
    const { status, contentType, body } = clean(answer)
    await this.#sql.rows(sql`
      UPDATE roomscribe.idempotency SET status = ${status}, content_type = ${contentType}, body = ${body}
      WHERE key_id = ${keyId} AND idempotency_key = ${idempotency}`)
  }

  async prune(): Promise<void> {
    const before = (ms: number) => new Date(this.#clock.nowMs() - ms).toISOString()
    await this.#sql.rows(sql`DELETE FROM roomscribe.idempotency WHERE at < ${before(IDEMPOTENCY_HOURS * 3_600_000)}::timestamptz`)
    await this.#sql.rows(sql`DELETE FROM roomscribe.audit WHERE at < ${before(AUDIT_DAYS * 86_400_000)}::timestamptz`)
  }

  #at(): string {
    return new Date(this.#clock.nowMs()).toISOString()
  }
}

/** Whoever has not answered in this time has died: the request is carried out again. */
const GIVEN_UP_MS = 60_000
