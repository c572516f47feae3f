import { v7 } from 'uuid'
import { NotFoundError } from '../../src/core/errors.js'
import type { AccessBook, AuditEntry, IdempotencyStanding, KeptAnswer, KeyRecord, StoredAuditEntry } from '../../src/records/access.js'

/** Keys, the log of writes and kept answers in memory, with the same rules as the real ones. */
export class MemoryAccess implements AccessBook {
  readonly log: StoredAuditEntry[] = []
  readonly #keys = new Map<string, { key: KeyRecord; readonly hash: string }>()
  readonly #answers = new Map<string, { readonly hash: string; answer: KeptAnswer | null }>()
  /** how often keys were looked up */
  lookups = 0

  /** what would be given again */
  get kept(): readonly KeptAnswer[] {
    return [...this.#answers.values()].flatMap(({ answer }) => (answer === null ? [] : [answer]))
  }

  createKey(given: Pick<KeyRecord, 'name' | 'scopes' | 'rooms'>, hash: string): Promise<KeyRecord> {
    const key = { ...given, id: v7(), createdAt: new Date(0).toISOString(), lastUsedAt: null, revokedAt: null }
    this.#keys.set(key.id, { key, hash })
    return Promise.resolve(key)
  }

  keys(): Promise<readonly KeyRecord[]> {
    return Promise.resolve([...this.#keys.values()].map(({ key }) => key).toReversed())
  }

  revokeKey(id: string): Promise<KeyRecord> {
    const found = this.#keys.get(id)
    if (!found) return Promise.reject(new NotFoundError('there is no such key'))
    found.key = { ...found.key, revokedAt: new Date(0).toISOString() }
    return Promise.resolve(found.key)
  }

  keyByHash(hash: string): Promise<{ key: KeyRecord; hash: string } | null> {
    this.lookups++
    return Promise.resolve([...this.#keys.values()].find((one) => one.hash === hash && one.key.revokedAt === null) ?? null)
  }

  keyById(id: string): Promise<KeyRecord | null> {
    const key = this.#keys.get(id)?.key
    return Promise.resolve(key && key.revokedAt === null ? key : null)
  }

  validKeys(ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.lookups++
    return Promise.resolve(new Set(ids.filter((id) => this.#keys.get(id)?.key.revokedAt === null)))
  }

  used(id: string): Promise<void> {
    const found = this.#keys.get(id)
    if (found) found.key = { ...found.key, lastUsedAt: new Date(0).toISOString() }
    return Promise.resolve()
  }

  audit(entry: AuditEntry): Promise<void> {
    this.log.push({ ...entry, id: this.log.length + 1, at: new Date(0).toISOString() })
    return Promise.resolve()
  }

  audits({ before = Number.POSITIVE_INFINITY, limit }: { before?: number; limit: number }): Promise<readonly StoredAuditEntry[]> {
    const found = this.log.filter(({ id }) => id < before).toReversed()
    return Promise.resolve(found.slice(0, limit))
  }

  signingSecret(): Promise<string> {
    return Promise.resolve('the same for everybody')
  }

  begin(keyId: string, idempotencyKey: string, hash: string): Promise<IdempotencyStanding> {
    const name = `${keyId} ${idempotencyKey}`
    const known = this.#answers.get(name)
    if (!known) {
      this.#answers.set(name, { hash, answer: null })
      return Promise.resolve({ kind: 'new' })
    }
    if (known.hash !== hash) return Promise.resolve({ kind: 'other' })
    return Promise.resolve(known.answer === null ? { kind: 'running' } : { kind: 'done', answer: known.answer })
  }

  settle(keyId: string, idempotencyKey: string, answer: KeptAnswer | null): Promise<void> {
    const name = `${keyId} ${idempotencyKey}`
    const known = this.#answers.get(name)
    if (answer === null) this.#answers.delete(name)
    else if (known) known.answer = answer
    return Promise.resolve()
  }

  prune(): Promise<void> {
    return Promise.resolve()
  }
}
