import { fileURLToPath } from 'node:url'
import { Hono, type Context } from 'hono'
import { problem } from '../api/problem.js'
import { readPage, type PageFile, type PageFiles } from './files.js'

/** What the page needs. */
export interface PageDeps {
  /** address of the LiveKit server that browsers join, null when the settings name none */
  readonly livekitUrl: string | null
  /** the built page; where `npm run build` puts it when absent */
  readonly pageFolder?: string
}

/** Addresses that are the page's own: it reads the rest of them itself. */
const PLACES = ['/', '/join', '/meetings/:id', '/schedules', '/schedules/:id', '/keys', '/dead-letters']

/** The same folder from `src` (tests) and from `dist`. */
const BUILT = fileURLToPath(new URL('../../../dist/web', import.meta.url))

/**
 * What the browser may do: scripts and styles of ours, requests to us and to the LiveKit server, no inline code, no foreign host, no frame.
 * @param livekitUrl ws:, wss:, http: or https:
 */
export function policyOf(livekitUrl: string | null): string {
  const hosts = livekitUrl !== null && URL.canParse(livekitUrl) ? sourcesOf(new URL(livekitUrl)) : []
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ['connect-src', "'self'", ...hosts].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

/** LiveKit's client opens a socket, and asks by HTTP when that fails. */
function sourcesOf({ protocol, host }: URL): readonly string[] {
  if (!/^[\w.:[\]-]+$/.test(host)) return []
  const isSafe = protocol === 'wss:' || protocol === 'https:'
  return isSafe ? [`wss://${host}`, `https://${host}`] : [`ws://${host}`, `http://${host}`]
}

/** The page of the browser, to be mounted at the root. It needs no key: it asks for one, and all it shows comes by the API. */
export function pageRoutes({ livekitUrl, pageFolder = BUILT }: PageDeps): Hono {
  const app = new Hono()
  const policy = policyOf(livekitUrl)
  let loading: Promise<PageFiles> | null = null
  const files = async (): Promise<PageFiles> => {
    loading ??= readPage(pageFolder)
    const found = await loading
    // not built yet: looked for again the next time
    if (found.size === 0) loading = null
    return found
  }
  const index = async (c: Context) => {
    const file = (await files()).get('index.html')
    if (file === undefined) return problem(c, 404, 'not_found', 'the page is not built: `npm run build` builds it')
    c.header('content-security-policy', policy)
    c.header('permissions-policy', 'microphone=(self), camera=(), geolocation=()')
    return answer(c, file, 'no-store')
  }
  for (const place of PLACES) app.get(place, index)
  app.get('/assets/:name', async (c) => {
    const file = (await files()).get(`assets/${c.req.param('name')}`)
    if (file === undefined) return problem(c, 404, 'not_found', 'there is no such file of the page: reload it')
    // its name changes with what is in it
    return answer(c, file, 'public, max-age=31536000, immutable')
  })
  return app
}

function answer(c: Context, file: PageFile, cacheControl: string): Response {
  c.header('cache-control', cacheControl)
  c.header('vary', 'accept-encoding')
  c.header('etag', file.etag)
  c.header('x-content-type-options', 'nosniff')
  if (c.req.header('if-none-match') === file.etag) return c.body(null, 304)
  c.header('content-type', file.type)
  if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(file.bytes, 200)
  c.header('content-encoding', 'gzip')
  return c.body(file.zipped, 200)
}
