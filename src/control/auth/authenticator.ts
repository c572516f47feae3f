import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { AccessBook, KeyRecord } from '../../records/access.js'
import type { Caller } from './caller.js'
import { readToken, signToken, type TokenClaims } from './tokens.js'

/** Id of the key of the settings, which is in no table. */
export const SETTINGS_KEY = 'settings'
/** How long the page stays logged in. */
export const SESSION_MS = 12 * 3_600_000
/** A key that was looked up is believed for so long: a revocation elsewhere takes effect within it. */
const BELIEVED_MS = 5000
const MOST_BELIEVED = 2000
/** last use is written once in so long */
const USED_MS = 60_000
const KEY_PREFIX = 'rs_'

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A new key, and the hash that is kept of it. */
export function newKey(): { readonly key: string; readonly hash: string } {
  const key = `${KEY_PREFIX}${randomBytes(24).toString('base64url')}`
  return { key, hash: digestOf(key).toString('hex') }
}

interface Believed {
  readonly key: KeyRecord | null
  readonly untilMs: number
}

/** Who is behind a bearer key, a session cookie or a link. Keys are compared by hash, in constant time; nothing of them is kept. */
export class Authenticator {
  readonly #access: AccessBook
  readonly #clock: Clock
  readonly #settingsKey: Buffer
  readonly #believed = new Map<string, Believed>()
  readonly #usedMs = new Map<string, number>()
  #secret: Promise<string> | null = null

  /** @param settingsKey the first admin key */
  constructor(access: AccessBook, clock: Clock, settingsKey: string) {
    this.#access = access
    this.#clock = clock
    this.#settingsKey = digestOf(settingsKey)
  }

  /** null: nobody's. @throws UpstreamError the store does not answer */
  async ofKey(given: string): Promise<Caller | null> {
    const digest = digestOf(given)
    if (timingSafeEqual(digest, this.#settingsKey)) return this.#settingsCaller
    if (!given.startsWith(KEY_PREFIX)) return null
    const hash = digest.toString('hex')
    const key = await this.#look(`hash ${hash}`, async () => {
      const found = await this.#access.keyByHash(hash)
      return found && timingSafeEqual(Buffer.from(found.hash, 'hex'), digest) ? found.key : null
    })
    return key && this.#callerOf(key)
  }

  /** The caller behind a token that `session` or `link` made; null: it is none of them, has expired, or its key is revoked. */
  async ofToken(token: string, kind: TokenClaims['kind']): Promise<Caller | null> {
    const secret = await this.#signing()
    const claims = readToken((read) => this.#secretFor(secret, read.key), token, this.#clock.nowMs())
    if (!claims || claims.kind !== kind) return null
    const from = claims.key === SETTINGS_KEY ? this.#settingsCaller : await this.#ofId(claims.key)
    if (!from) return null
    const { expiresMs } = claims
    if (claims.meeting === undefined) return { ...from, expiresMs }
    return {
      ...from,
      expiresMs,
      name: `link of ${from.name}`,
      scopes: ['meetings:read'],
      meetingId: asMeetingId(claims.meeting),
      mayJoin: claims.guest === true,
    }
  }

  /** A token for the cookie of the page. @param expiresMs wall clock; a session of a link lasts no longer than the link */
  async session(caller: Caller, expiresMs = this.#clock.nowMs() + SESSION_MS): Promise<string> {
    return this.#sign('session', caller, caller.meetingId, caller.mayJoin, expiresMs)
  }

  /** A token that shows one meeting to whoever has it. */
  async link(caller: Caller, meeting: MeetingId, guest: boolean, expiresMs: number): Promise<string> {
    return this.#sign('link', caller, meeting, guest, expiresMs)
  }

  /** When a link ends, wall clock; null: it is none. */
  async linkExpiresMs(token: string): Promise<number | null> {
    const secret = await this.#signing()
    return readToken((read) => this.#secretFor(secret, read.key), token, this.#clock.nowMs())?.expiresMs ?? null
  }

  /**
   * Which of these keys are revoked, as the store has it now: one question for all. When any is, what was believed of keys is forgotten.
   * @throws UpstreamError the store does not answer
   */
  async revokedAmong(ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const asked = [...ids].filter((id) => id !== SETTINGS_KEY)
    if (asked.length === 0) return new Set()
    const valid = await this.#access.validKeys(asked)
    const revoked = new Set(asked.filter((id) => !valid.has(id)))
    if (revoked.size > 0) this.forget()
    return revoked
  }

  /** What was believed of keys is looked up again: one was revoked. */
  forget(): void {
    this.#believed.clear()
  }

  async #sign(kind: TokenClaims['kind'], caller: Caller, meeting: MeetingId | null, guest: boolean, expiresMs: number): Promise<string> {
    const secret = await this.#signing()
    return signToken(this.#secretFor(secret, caller.id), {
      kind,
      key: caller.id,
      ...(meeting === null ? {} : { meeting, guest }),
      expiresMs,
    })
  }

  /** Another key in the settings ends the sessions and links of the one before. */
  #secretFor(secret: string, keyId: string): string {
    return keyId === SETTINGS_KEY ? `${secret}.${this.#settingsKey.toString('hex')}` : secret
  }

  #signing(): Promise<string> {
    this.#secret ??= this.#access.signingSecret().catch((thrown: unknown) => {
      this.#secret = null
      throw thrown
    })
    return this.#secret
  }

  async #ofId(id: string): Promise<Caller | null> {
    const key = await this.#look(`id ${id}`, () => this.#access.keyById(id))
    return key && this.#callerOf(key)
  }

  async #look(name: string, ask: () => Promise<KeyRecord | null>): Promise<KeyRecord | null> {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#believed.get(name)
    if (known && known.untilMs > nowMs) return known.key
    const key = await ask()
    // the oldest go first: a map keeps the order of insertion
    for (const oldest of this.#believed.keys()) {
      if (this.#believed.size < MOST_BELIEVED) break
      this.#believed.delete(oldest)
    }
    this.#believed.delete(name)
    this.#believed.set(name, { key, untilMs: nowMs + BELIEVED_MS })
    return key
  }

  #callerOf(key: KeyRecord): Caller {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#usedMs.get(key.id) ?? Number.NEGATIVE_INFINITY) >= USED_MS) {
      this.#usedMs.set(key.id, nowMs)
      // a date that is not written is no fault of the request
      this.#access.used(key.id).catch(() => undefined)
    }
    return { id: key.id, name: key.name, scopes: key.scopes, rooms: key.rooms, meetingId: null, mayJoin: true, expiresMs: null }
  }

  get #settingsCaller(): Caller {
    return {
      id: SETTINGS_KEY,
      name: 'key of the settings',
      scopes: ['admin'],
      rooms: null,
      meetingId: null,
      mayJoin: true,
      expiresMs: null,
    }
  }
}
