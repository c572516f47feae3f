/** What a key may do, closed list: `admin` includes all, `meetings:write` includes `meetings:read`. */
export const PERMISSIONS = ['meetings:read', 'meetings:write', 'admin'] as const
export type Permission = (typeof PERMISSIONS)[number]

/** A key of the API as stored: its hash only, which is not shown. Dates are ISO-8601 UTC. */
export interface KeyRecord {
  /** uuid */
  readonly id: string
  readonly name: string
  readonly scopes: readonly Permission[]
  /** patterns of room names with `*`; null: every room */
  readonly rooms: readonly string[] | null
  readonly createdAt: string
  /** to the minute; null: never */
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

/** One write that was asked for, and what was answered. */
export interface AuditEntry {
  readonly keyId: string
  readonly keyName: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly meetingId: string | null
  /** what whoever asked said about it: the reason of a stop; gone when its meeting is deleted */
  readonly note: string | null
}

/** The same as stored, numbered over all. */
export interface StoredAuditEntry extends AuditEntry {
  readonly id: number
  /** ISO-8601 UTC */
  readonly at: string
}

/** An answer that is given again to whoever asks again. */
export interface KeptAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** How a request with an `Idempotency-Key` stands. */
export type IdempotencyStanding =
  /** the first one: it is to be carried out, then settled */
  | { readonly kind: 'new' }
  /** another request used this key */
  | { readonly kind: 'other' }
  /** the first one is being carried out */
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly answer: KeptAnswer }

/** Keys kept at most, revoked ones included; answers to the same request are given again for a day; the log of writes goes back a year. */
export const MOST_KEYS = 1000
export const IDEMPOTENCY_HOURS = 24
export const AUDIT_DAYS = 366

/** Who may do what, and who did. */
export interface AccessBook {
  /** @param hash SHA-256 of the key, hex. @throws ConflictError there are `MOST_KEYS` */
  createKey(key: Pick<KeyRecord, 'name' | 'scopes' | 'rooms'>, hash: string): Promise<KeyRecord>
  /** newest first, revoked ones too */
  keys(): Promise<readonly KeyRecord[]>
  /** Nothing changes for one that is revoked already. @throws NotFoundError */
  revokeKey(id: string): Promise<KeyRecord>
  /** A key that is not revoked, and its hash; null: there is none. */
  keyByHash(hash: string): Promise<{ readonly key: KeyRecord; readonly hash: string } | null>
  /** A key that is not revoked; null: there is none. */
  keyById(id: string): Promise<KeyRecord | null>
  /** Which of these keys there are and are not revoked. @param ids at most `MOST_KEYS` */
  validKeys(ids: readonly string[]): Promise<ReadonlySet<string>>
  /** It has been used now. */
  used(id: string): Promise<void>
  audit(entry: AuditEntry): Promise<void>
  /** newest first @param before an id */
  audits(filter: { readonly before?: number; readonly limit: number }): Promise<readonly StoredAuditEntry[]>
  /** What session cookies and links are signed with: made once, the same for every process on this database. */
  signingSecret(): Promise<string>
  /** Asks to carry a request out. Whoever asked first and has not settled within a minute is given up. */
  begin(keyId: string, idempotencyKey: string, requestHash: string): Promise<IdempotencyStanding>
  /** @param answer what is given again; null: the request may be tried again */
  settle(keyId: string, idempotencyKey: string, answer: KeptAnswer | null): Promise<void>
  /** Forgets what is too old. */
  prune(): Promise<void>
}
