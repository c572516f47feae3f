import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { FEED_LIMITS, GuardedFetch, type FetchLimits, type Lookup } from '../../src/control/schedule/guarded-fetch.js'
import { FeedServer } from '../support/feed-server.js'

const NONE = { etag: null, lastModified: null }
const TEXT = 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n'
const QUICK: FetchLimits = { ...FEED_LIMITS, connectMs: 500, headersMs: 400, idleMs: 400, totalMs: 2_000 }

let server: FeedServer
const fetches: GuardedFetch[] = []
const newFetch = (privateHosts: readonly string[], given: { limits?: FetchLimits; lookup?: Lookup } = {}) => {
  const fetch = new GuardedFetch({ clock: systemClock, privateHosts, limits: QUICK, ...given })
  fetches.push(fetch)
  return fetch
}
/** Names that a test makes up. */
const names =
  (addresses: Readonly<Record<string, readonly string[]>>): Lookup =>
  (host, _, answer) => {
    const found = addresses[host] ?? []
    answer(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }

beforeEach(async () => {
  server = await FeedServer.start()
  server.on('/feed.ics', (_, response) => response.end(TEXT))
})
afterEach(async () => {
  await Promise.all(fetches.splice(0).map((fetch) => fetch.close()))
  await server.close()
})

describe('addresses inside the house are not asked', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://192.0.0.192/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[ff02::1]/',
    'http://①②⑦.0.0.1/',
    'http://localhost/',
    'http://user@127.0.0.1/',
    'http://user:pw@127.0.0.1:80/',
    'http://8.8.8.8@127.0.0.1/',
    'http://8.8.8.8%23@127.0.0.1/',
    'http://127.0.0.1./',
    'http://0x7f000001./',
    'http://0177.1/',
    'http://0x7f.0.0x0.1/',
    'http://127.0.1/',
    'http://10.66051/',
    'http://%31%32%37.0.0.1/',
    'http://127%2e0%2e0%2e1/',
    'http://127。0。0。1/',
    'http://1\t2\n7.0.0.1/',
    '\thttp:\n//127.0.0.1/',
    'http:127.0.0.1/',
    'http:\\\\127.0.0.1\\x',
    'http:////127.0.0.1/',
    'http://0.1.2.3/',
    'http://192.0.2.1/',
    'http://192.88.99.1/',
    'http://203.0.113.9/',
    'http://240.0.0.1/',
    'http://[0:0:0:0:0:0:0:0]/',
    'http://[0:0:0:0:0:0:0:1]:8080/',
    'http://[::127.0.0.1]/',
    'http://[::7f00:1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[64:ff9b:1::a00:1]/',
    'http://[2001::1]/',
    'http://[2001:db8::1]/',
    'http://[2002:a9fe:a9fe::]/',
    'http://[fec0::1]/',
    'http://[100::1]/',
    'http://[4000::1]/',
  ])('55 %s', async (url) => {
    await expect(newFetch([]).get(url, NONE)).rejects.toThrow(/inside the house/)
  })

  test.each([
    'http://[fe80::1%25eth0]/',
    'http://[fe80::1%eth0]/',
    'http://127.0.0.1%00.example.com/',
    'http://1.2.3.4.5/',
    'http://256.1.1.1/',
  ])('55 %s is no address at all', async (url) => {
    await expect(newFetch([]).get(url, NONE)).rejects.toThrow('no address')
  })

  const AWAY = ['//', '///', '/\\', '\\\\', '/\t/', '/\n\\', '//ann:pw@', '/.//', '/x/..//', '/%2e//', '//%31%32%37.0.0.1@']
  test.each(AWAY)('55 a path that begins with %j names no host: whoever was checked is asked', async (path) => {
    const other = await FeedServer.start()
    other.on('/feed.ics', (_, response) => response.end(TEXT))
    const looked: string[] = []
    const lookup: Lookup = (host, _, answer) => {
      looked.push(host)
      answer(null, [])
    }
    const place = `${path}${other.host}/feed.ics`
    for (const host of ['public.example', 'ann:pw@public.example']) {
      await expect(newFetch([], { lookup }).get(`http://${host}${place}`, NONE)).rejects.toThrow('the host of the feed is not known')
    }
    expect(looked).toEqual(['public.example', 'public.example'])
    // who is allowed by name is asked itself, and so is whoever it redirects to
    server.on(new URL(`http://x${place}`).pathname, (_, response) => response.end(TEXT))
    server.on('/away', (_, response) => response.writeHead(302, { location: server.url(place).replaceAll(/[\t\n]/g, '') }).end())
    const fetch = newFetch([server.host], { lookup })
    expect(await fetch.get(server.url(place), NONE)).toMatchObject({ text: TEXT })
    expect(await fetch.get(server.url('/away'), NONE)).toMatchObject({ text: TEXT })
    expect([looked.length, other.asked.length, server.asked.length]).toEqual([2, 0, 3])
    await other.close()
  })

  test('55 none of 300 addresses inside the house, in any spelling, is asked', async () => {
    const byte = fc.integer({ min: 0, max: 255 })
    const inside = fc.oneof(
      fc.tuple(fc.constantFrom(0, 10, 127), byte, byte, byte),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
      fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
      fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
      fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), byte, byte),
      fc.tuple(fc.integer({ min: 224, max: 255 }), byte, byte, byte),
    )
    const hex = (n: number) => n.toString(16).padStart(2, '0')
    const spellings: readonly ((bytes: readonly number[]) => string)[] = [
      (bytes) => bytes.join('.'),
      (bytes) => bytes.map((one) => `0${one.toString(8)}`).join('.'),
      (bytes) => bytes.map((one) => `0x${hex(one)}`).join('.'),
      (bytes) => `0x${bytes.map(hex).join('')}`,
      (bytes) => String(bytes.reduce((whole, one) => whole * 256 + one, 0)),
      ([a = 0, b = 0, c = 0, d = 0]) => `${a}.${b}.${c * 256 + d}`,
      (bytes) => `[::ffff:${bytes.join('.')}]`,
      ([a = 0, b = 0, c = 0, d = 0]) => `[::ffff:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
      (bytes) => `[64:ff9b::${bytes.join('.')}]`,
      ([a = 0, b = 0, c = 0, d = 0]) => `[2002:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}::1]`,
    ]
    const fetch = newFetch([])
    await fc.assert(
      fc.asyncProperty(inside, fc.constantFrom(...spellings), async (bytes, spelled) => {
        await expect(fetch.get(`http://${spelled(bytes)}/`, NONE)).rejects.toThrow(/inside the house/)
      }),
      { numRuns: 300 },
    )
  })

  test.each(['ftp://example.com/', 'file:///etc/passwd', 'data:text/calendar,x', 'gopher://127.0.0.1/'])(
    '%s is no web address',
    async (url) => {
      await expect(newFetch([]).get(url, NONE)).rejects.toThrow('only http and https addresses are asked')
    },
  )

  test('55 a name that means such an address, or one among others, is refused', async () => {
    const lookup = names({ 'inside.example': ['10.0.0.1'], 'both.example': ['93.184.216.34', '127.0.0.1'], 'six.example': ['::1'] })
    const fetch = newFetch([], { lookup })
    for (const host of ['inside', 'both', 'six'])
      await expect(fetch.get(`http://${host}.example/`, NONE)).rejects.toThrow(/inside the house/)
    await expect(fetch.get('http://nobody.example/', NONE)).rejects.toThrow('the host of the feed is not known')
    expect(server.asked).toEqual([])
  })

  test('55 a name is looked up once, by the connection itself: it cannot mean something else a moment later', async () => {
    let looked = 0
    const lookup: Lookup = (_, __, answer) => answer(null, [{ address: ++looked === 1 ? '127.0.0.1' : '93.184.216.34', family: 4 }])
    const fetch = newFetch([], { lookup })
    await expect(fetch.get(`http://rebind.example:${server.port}/feed.ics`, NONE)).rejects.toThrow(/inside the house/)
    expect([looked, server.asked.length]).toEqual([1, 0])
  })

  test('55 a redirect is checked like an address', async () => {
    for (const [at, place] of [
      'http://169.254.169.254/',
      'http://127.0.0.1:1/',
      'http://[::1]/',
      `http://localhost:${server.port}/feed.ics`,
    ].entries()) {
      server.on(`/away${at}`, (_, response) => response.writeHead(302, { location: place }).end())
      await expect(newFetch([server.host]).get(server.url(`/away${at}`), NONE)).rejects.toThrow(/inside the house/)
    }
    server.on('/file', (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end())
    await expect(newFetch([server.host]).get(server.url('/file'), NONE)).rejects.toThrow('only http and https addresses are asked')
    expect(server.asked).toHaveLength(5)
  })

  test('what the operator allows by name is asked, with its port or without', async () => {
    for (const host of [server.host, '127.0.0.1'])
      expect(await newFetch([host]).get(server.url('/feed.ics'), NONE)).toMatchObject({ kind: 'body', text: TEXT })
    await expect(newFetch([`127.0.0.1:${server.port + 1}`]).get(server.url('/feed.ics'), NONE)).rejects.toThrow(/inside the house/)
  })
})

describe('a feed', () => {
  test('is followed three redirects far', async () => {
    for (let at = 0; at < 5; at++)
      server.on(`/r${at}`, (_, response) => response.writeHead(307, { location: at === 4 ? '/feed.ics' : `/r${at + 1}` }).end('x'))
    const fetch = newFetch([server.host])
    expect(await fetch.get(server.url('/r2'), NONE)).toMatchObject({ kind: 'body' })
    await expect(fetch.get(server.url('/r1'), NONE)).rejects.toThrow('the feed redirects too often')
  })

  test('is asked with the marks that it gave, and may say that nothing is new', async () => {
    server.on('/marked', (request, response) => {
      if (request.headers['if-none-match'] === '"v1"' && request.headers['if-modified-since'] !== undefined) response.writeHead(304).end()
      else response.writeHead(200, { etag: '"v1"', 'last-modified': 'Wed, 21 Oct 2026 07:28:00 GMT' }).end(TEXT)
    })
    const fetch = newFetch([server.host])
    const first = await fetch.get(server.url('/marked'), NONE)
    expect(first).toEqual({ kind: 'body', text: TEXT, etag: '"v1"', lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT' })
    expect(await fetch.get(server.url('/marked'), first.kind === 'body' ? first : NONE)).toEqual({ kind: 'unchanged' })
  })

  test('is told its password, and nobody that it redirects to is', async () => {
    const other = await FeedServer.start()
    other.on('/feed.ics', (_, response) => response.end(TEXT))
    server.on('/secret', (_, response) => response.writeHead(302, { location: '/here' }).end())
    server.on('/here', (_, response) => response.writeHead(302, { location: other.url('/feed.ics') }).end())
    await newFetch([server.host, other.host]).get(server.url('/secret').replace('http://', 'http://ann:p%40ss@'), NONE)
    const basic = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([basic, basic])
    expect(other.asked.map(({ headers }) => headers.authorization)).toEqual([undefined])
    await other.close()
  })

  test('may be packed, and its bytes are counted unpacked', async () => {
    server.on('/packed', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(TEXT)))
    server.on('/bomb', (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100 * 1024 * 1024))),
    )
    server.on('/broken', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(TEXT))
    server.on('/other', (_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end(TEXT))
    const fetch = newFetch([server.host])
    expect(await fetch.get(server.url('/packed'), NONE)).toMatchObject({ text: TEXT })
    await expect(fetch.get(server.url('/bomb'), NONE)).rejects.toThrow('the feed is larger than 5 MB')
    await expect(fetch.get(server.url('/broken'), NONE)).rejects.toThrow('the feed is not packed as it says')
    await expect(fetch.get(server.url('/other'), NONE)).rejects.toThrow(/packed in a way/)
  })

  test('of 100 MB is broken off after five', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    server.on('/large', (_, response) => {
      const send = () => {
        while (sent < 100 && !response.destroyed) {
          sent++
          if (!response.write(piece)) {
            response.once('drain', send)
            return
          }
        }
        response.end()
      }
      send()
    })
    await expect(newFetch([server.host]).get(server.url('/large'), NONE)).rejects.toThrow('the feed is larger than 5 MB')
    expect(sent).toBeLessThan(40)
  })

  test('that does not answer, stops in the middle, drips, breaks off or fails is given up with a sentence without its address', async () => {
    server.on('/silent', () => undefined)
    server.on('/stops', (_, response) => response.write('BEGIN'))
    server.on('/drips', (_, response) => {
      const stop = systemClock.every(100, () => response.write('x'))
      response.on('close', stop)
    })
    server.on('/breaks', (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('x')
      response.destroy()
    })
    server.on('/fails', (_, response) => response.writeHead(500).end('secret-token'))
    const fetch = newFetch([server.host])
    const refused = async (path: string) => {
      const error: unknown = await fetch.get(server.url(`${path}?secret-token=1`), NONE).then(
        () => new Error('not refused'),
        (thrown: unknown) => thrown,
      )
      expect(String(error)).not.toMatch(/secret-token|127\.0\.0\.1/)
      return error instanceof Error ? error.message : ''
    }
    expect(await refused('/silent')).toBe('the feed does not answer')
    expect(await refused('/stops')).toBe('the feed stops in the middle of its answer')
    expect(await refused('/drips')).toBe('the feed takes too long')
    expect(await refused('/breaks')).toBe('the feed breaks off')
    expect(await refused('/fails')).toBe('the feed answers with status 500')
    expect(await refused('/nothing')).toBe('the feed answers with status 404')
  })

  test('where nobody listens is said so', async () => {
    const gone = await FeedServer.start()
    const url = gone.url('/feed.ics')
    const fetch = newFetch([gone.host])
    await gone.close()
    await expect(fetch.get(url, NONE)).rejects.toThrow('the feed cannot be reached: the connection is refused')
  })

  test('that is asked by somebody who stops is not answered any more', async () => {
    server.on('/silent', () => undefined)
    const stop = new AbortController()
    const asked = newFetch([server.host]).get(server.url('/silent'), NONE, stop.signal)
    const reason = new Error('stopping')
    stop.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })
})
