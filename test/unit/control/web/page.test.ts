import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageRoutes, policyOf } from '../../../../src/control/web/page.js'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomscribe-page-'))
  await mkdir(join(folder, 'web', 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.js'), 'no')
  await writeFile(join(folder, 'web', 'index.html'), '<!doctype html>')
  await writeFile(join(folder, 'web', 'assets', 'index-abc.js'), 'let a')
})
afterAll(() => rm(folder, { recursive: true }))

const page = () => pageRoutes({ livekitUrl: 'wss://livekit.example.com', pageFolder: join(folder, 'web') })

describe('the policy', () => {
  test('lets nothing in that is inline, evaluated, framed or foreign', () => {
    const policy = policyOf(null)
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:|blob:/)
    for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      expect(policy.split('; ')).toContain(part)
    }
  })

  test.each([
    ['wss://livekit.example.com', "connect-src 'self' wss://livekit.example.com https://livekit.example.com"],
    ['https://livekit.example.com:7443/x', "connect-src 'self' wss://livekit.example.com:7443 https://livekit.example.com:7443"],
    ['ws://127.0.0.1:7880', "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880"],
    ['ws://[::1]:7880', "connect-src 'self' ws://[::1]:7880 http://[::1]:7880"],
    ["ws://a'; script-src *", "connect-src 'self'"],
    ['ws://a;script-src', "connect-src 'self'"],
    ['nonsense', "connect-src 'self'"],
  ])('of %s lets the page connect there and nowhere else', (url, expected) => {
    expect(
      policyOf(url)
        .split('; ')
        .find((part) => part.startsWith('connect-src')),
    ).toBe(expected)
  })
})

describe('the page', () => {
  test('is the same document at each of its places, never kept', async () => {
    for (const place of ['/', '/join', '/meetings/x', '/schedules', '/schedules/x', '/keys', '/dead-letters']) {
      const answer = await page().request(place)
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
        200,
        'text/html; charset=utf-8',
        'no-store',
      ])
      expect(answer.headers.get('content-security-policy')).toBe(policyOf('wss://livekit.example.com'))
    }
  })

  test('gives its files with their names for ever, zipped when that is understood', async () => {
    const plain = await page().request('/assets/index-abc.js')
    expect([plain.headers.get('cache-control'), await plain.text()]).toEqual(['public, max-age=31536000, immutable', 'let a'])
    const zipped = await page().request('/assets/index-abc.js', { headers: { 'accept-encoding': 'br, gzip' } })
    expect(zipped.headers.get('content-encoding')).toBe('gzip')
    const again = await page().request('/assets/index-abc.js', { headers: { 'if-none-match': plain.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  test('gives nothing else, by whatever path', async () => {
    for (const path of [
      '/secret.js',
      '/assets/..%2f..%2fsecret.js',
      '/assets/%2e%2e/%2e%2e/secret.js',
      '/assets/none.js',
      '/assets/__proto__',
      '/index.html',
    ]) {
      expect((await page().request(path)).status).toBe(404)
    }
  })

  test('that is not built says how to build it', async () => {
    const answer = await pageRoutes({ livekitUrl: null, pageFolder: join(folder, 'none') }).request('/')
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([404, expect.stringContaining('npm run build')])
  })
})
