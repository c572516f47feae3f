import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Hono, type Context } from 'hono'
import { problem } from './problem.js'
import { toolPolicy } from './tool-policy.js'

const POLICY = toolPolicy("'none'")

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>roomscribe API</title>
    <link rel="icon" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

/** Whoever is logged in to the page tries requests with its cookie, which needs the header of our own pages. */
const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  requestInterceptor: (request) => {
    request.headers['x-roomscribe'] = '1'
    return request
  },
})
`

/** Files of swagger-ui-dist that are handed out, and nothing else of it. */
const TYPES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly zipped: Uint8Array<ArrayBuffer>
}

/** The documentation page of /openapi.json, to be mounted at /docs; no other host is asked for anything. */
export function docsRoutes(): Hono {
  const app = new Hono()
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'))
  const kept = new Map<string, Promise<Kept>>()
  const read = (name: string): Promise<Kept> => {
    const known = kept.get(name)
    if (known) return known
    const reading = keep(join(folder, name))
    kept.set(name, reading)
    // not kept: read again the next time
    reading.catch(() => kept.delete(name))
    return reading
  }
  app.use('*', async (c, next) => {
    await next()
    c.header('content-security-policy', POLICY)
  })
  app.get('/', (c) => c.html(PAGE))
  app.get('/start.js', (c) => c.body(START, 200, { 'content-type': 'text/javascript; charset=utf-8' }))
  app.get('/:name', async (c) => {
    const name = c.req.param('name')
    const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
    if (type === undefined) return problem(c, 404, 'not_found', 'there is nothing at this address')
    return answer(c, type, await read(name))
  })
  return app
}

async function keep(path: string): Promise<Kept> {
  const bytes = new Uint8Array(await readFile(path))
  return { bytes, zipped: new Uint8Array(await promisify(gzip)(bytes)) }
}

function answer(c: Context, type: string, { bytes, zipped }: Kept): Response {
  const isZipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
  const headers = { 'content-type': type, 'cache-control': 'public, max-age=86400', vary: 'accept-encoding' }
  return isZipped ? c.body(zipped, 200, { ...headers, 'content-encoding': 'gzip' }) : c.body(bytes, 200, headers)
}
