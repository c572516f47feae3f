import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { pipeline, type Readable, Writable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import ipaddr from 'ipaddr.js'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { Clock } from '../../core/time.js'
import { FetchRefused } from './fetch-refused.js'

/** How names become addresses: `dns.lookup` with `all`. */
export type Lookup = (
  host: string,
  options: { readonly all: true; readonly verbatim?: boolean },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** What a fetch is bounded by. */
export interface FetchLimits {
  /** of the body, after inflation */
  readonly maxBytes: number
  readonly maxRedirects: number
  readonly connectMs: number
  readonly headersMs: number
  /** between two pieces of the body */
  readonly idleMs: number
  /** for everything together */
  readonly totalMs: number
}

export const FEED_LIMITS: FetchLimits = {
  maxBytes: 5 * 1024 * 1024,
  maxRedirects: 3,
  connectMs: 5_000,
  headersMs: 10_000,
  idleMs: 10_000,
  totalMs: 30_000,
}

/** What a feed answered. */
export type Fetched =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'body'; readonly text: string; readonly etag: string | null; readonly lastModified: string | null }

/** What the guard stands on. */
export interface GuardParts {
  readonly clock: Clock
  /** hosts inside the house that may be asked all the same: `name` or `name:port`, lower case */
  readonly privateHosts: readonly string[]
  readonly limits?: FetchLimits
  readonly lookup?: Lookup
}

const REDIRECTS = [301, 302, 303, 307, 308]

/**
 * Asks for feeds at addresses that strangers name.
 * F1 Only http and https, and only addresses of the public internet: a literal is checked where it is connected to, a name inside the very
 * lookup whose answer is connected to, so that it cannot mean something else a moment later. All its addresses have to be public. F2 Each
 * redirect is checked like the first address. F3 What the operator allows by name is asked wherever it is. F4 Everything has a bound: time
 * to connect, to answer, between pieces, and in all; bytes, counted after inflation. F5 No message holds an address or a credential.
 */
export class GuardedFetch {
  readonly #parts: GuardParts
  readonly #limits: FetchLimits
  readonly #open: Agent
  readonly #guarded: Agent

  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#limits = parts.limits ?? FEED_LIMITS
    const common = {
      connections: 4,
      pipelining: 1,
      headersTimeout: this.#limits.headersMs,
      bodyTimeout: this.#limits.idleMs,
      maxHeaderSize: 16_384,
    }
    const timeout = this.#limits.connectMs
    this.#open = new Agent({ ...common, connect: { timeout } })
    this.#guarded = new Agent({ ...common, connect: guardedConnector(timeout, parts.lookup ?? systemLookup) })
  }

  /**
   * @param marks what the feed gave with what is known of it
   * @throws FetchRefused one sentence for people, without the address
   */
  async get(
    url: string,
    marks: { readonly etag: string | null; readonly lastModified: string | null },
    signal?: AbortSignal,
  ): Promise<Fetched> {
    const over = new AbortController()
    const stop = () => over.abort()
    const cancel = this.#parts.clock.after(this.#limits.totalMs, stop)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await this.#follow(url, marks, over.signal)
    } catch (thrown) {
      signal?.throwIfAborted()
      throw refusalOf(thrown, over.signal.aborted)
    } finally {
      cancel()
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Ends what is under way. May be called twice. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#open.destroy(), this.#guarded.destroy()])
  }

  async #follow(first: string, marks: { etag: string | null; lastModified: string | null }, signal: AbortSignal): Promise<Fetched> {
    let url = feedUrl(first)
    let credentials = basic(url)
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#ask(url, credentials, marks, signal)
      const { statusCode, headers, body } = answer
      const place = headers['location']
      if (!REDIRECTS.includes(statusCode) || typeof place !== 'string') return this.#read(answer)
      await discard(body)
      if (redirects === this.#limits.maxRedirects) throw new FetchRefused('the feed redirects too often')
      const next = feedUrl(place, url)
      // whoever is redirected to is not told the password
      credentials = basic(next) ?? (next.origin === url.origin ? credentials : null)
      url = next
    }
  }

  #ask(
    url: URL,
    credentials: string | null,
    marks: { etag: string | null; lastModified: string | null },
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const isAllowed = [url.hostname, url.host, `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`].some((host) =>
      this.#parts.privateHosts.includes(host.toLowerCase()),
    )
    const dispatcher = isAllowed ? this.#open : this.#guarded
    // origin and path apart, never one resolved against the other: `//host/` is a path here, and names nobody else
    return dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      signal,
      headers: {
        accept: 'text/calendar, text/plain;q=0.5, */*;q=0.1',
        'accept-encoding': 'gzip',
        'user-agent': 'roomscribe',
        ...(credentials === null ? {} : { authorization: credentials }),
        ...(marks.etag === null ? {} : { 'if-none-match': marks.etag }),
        ...(marks.lastModified === null ? {} : { 'if-modified-since': marks.lastModified }),
      },
    })
  }

  async #read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Fetched> {
    if (statusCode === 304) {
      await discard(body)
      return { kind: 'unchanged' }
    }
    if (statusCode !== 200) {
      await discard(body)
      throw new FetchRefused(`the feed answers with status ${statusCode}`)
    }
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'gzip' && encoding !== 'identity') {
      await discard(body)
      throw new FetchRefused('the feed is packed in a way that was not asked for')
    }
    const text = await boundedText(body, encoding === 'gzip', this.#limits.maxBytes)
    const mark = (value: string | string[] | undefined) => (typeof value === 'string' && value.length <= 1_000 ? value : null)
    return { kind: 'body', text, etag: mark(headers['etag']), lastModified: mark(headers['last-modified']) }
  }
}

/** An address that may be asked for. @throws FetchRefused */
function feedUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new FetchRefused('the feed redirects to what is no address')
  const url = new URL(text, base?.href)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new FetchRefused('only http and https addresses are asked')
  return url
}

const basic = ({ username, password }: URL): string | null =>
  username === '' && password === '' ? null : `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What of IPv6 is handed out to the public; `::a.b.c.d` and what nobody may have yet lie outside, and count as unicast. */
const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3')

/** Whether an address is one of the public internet. */
function isPublic(address: string): boolean {
  try {
    // an IPv4 address in the clothes of an IPv6 one is what it is underneath
    const read = ipaddr.process(address)
    return read.range() === 'unicast' && (read.kind() === 'ipv4' || read.match(GLOBAL_V6))
  } catch {
    return false
  }
}

const forbidden = () => new FetchRefused('the feed is at an address inside the house: ROOMSCRIBE_FEED_HOSTS allows one by name')

/** Connects to public addresses only. A host that is an address itself is not looked up: it is checked here, as it is connected to. */
function guardedConnector(timeout: number, lookup: Lookup): buildConnector.connector {
  const connect = buildConnector({ timeout, lookup: guardedLookup(lookup) })
  return (options, connected) => {
    const bare = options.hostname.replace(/^\[|\]$/g, '')
    if (ipaddr.isValid(bare) && !isPublic(bare)) connected(forbidden(), null)
    else connect(options, connected)
  }
}

type NetLookup = (
  host: string,
  options: object,
  answer: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
) => void

/** The lookup of a connection: what it answers is what is connected to. */
function guardedLookup(lookup: Lookup): NetLookup {
  return (host, options, answer) => {
    lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      const first = addresses?.[0]
      if (error || !first) answer(error ?? new FetchRefused('the host of the feed is not known'), [])
      else if (!addresses.every(({ address }) => isPublic(address))) answer(forbidden(), [])
      else if ('all' in options && options.all === true) answer(null, addresses)
      else answer(null, first.address, first.family)
    })
  }
}

/** The body as text. @throws FetchRefused it is larger, or no gzip */
function boundedText(body: Readable, isPacked: boolean, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  const sink = new Writable({
    write: (piece: Buffer, _, done) => {
      bytes += piece.length
      if (bytes > maxBytes) {
        done(new FetchRefused(`the feed is larger than ${Math.round(maxBytes / 1024 / 1024)} MB`))
        return
      }
      pieces.push(piece)
      done()
    },
  })
  return new Promise((resolve, reject) => {
    const ended = (error: Error | null | undefined) => {
      if (error) reject(error)
      else resolve(Buffer.concat(pieces).toString('utf8'))
    }
    if (isPacked) pipeline(body, createGunzip(), sink, ended)
    else pipeline(body, sink, ended)
  })
}

/** A body that nobody wants is not read to its end. */
async function discard(body: Dispatcher.ResponseData['body']): Promise<void> {
  body.on('error', () => undefined)
  await body.dump({ limit: 16_384 }).catch(() => undefined)
}

const SENTENCES: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'the feed cannot be reached: it does not take the connection',
  UND_ERR_HEADERS_TIMEOUT: 'the feed does not answer',
  UND_ERR_BODY_TIMEOUT: 'the feed stops in the middle of its answer',
  ECONNREFUSED: 'the feed cannot be reached: the connection is refused',
  ECONNRESET: 'the feed breaks off',
  UND_ERR_SOCKET: 'the feed breaks off',
  ENOTFOUND: 'the host of the feed is not known',
  EAI_AGAIN: 'the host of the feed cannot be looked up now',
  Z_DATA_ERROR: 'the feed is not packed as it says',
  Z_BUF_ERROR: 'the feed breaks off',
}

function refusalOf(thrown: unknown, isOver: boolean): FetchRefused {
  if (thrown instanceof FetchRefused) return thrown
  if (isOver) return new FetchRefused('the feed takes too long')
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : ''
  const cause = thrown instanceof Error ? thrown.cause : undefined
  if (cause instanceof FetchRefused) return cause
  // messages of others may hold the address
  return new FetchRefused(
    SENTENCES[code] ?? (/CERT|SSL|TLS/.test(code) ? 'the certificate of the feed is not valid' : 'the feed cannot be asked'),
  )
}
