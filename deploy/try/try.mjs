/**
 * `node deploy/try/try.mjs [--serves 2] [--bots 2] [--json] [--quiet]`: the service as a company runs it, on this machine and for a while:
 * LiveKit, PostgreSQL, Redis, several `serve` and several `bot` processes. Prints addresses and the key, keeps everything running
 * until Ctrl-C, then ends it in order. A second Ctrl-C does not wait for meetings.
 *
 * What is set in the environment is used instead: LIVEKIT_URL, DATABASE_URL, REDIS_URL, GLADIA_API_KEY or GLADIA_API_URL, and every
 * setting of ours (ROOMSCRIBE_AUTO_JOIN, ...). --json prints one JSON document when all is ready, and nothing else, on standard output.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from '../dev/build.mjs'
import { cacheDir } from '../dev/cache-dir.mjs'
import { livekit as findLivekit } from '../dev/livekit.mjs'
import { packages } from '../dev/packages.mjs'
import { setUp } from '../dev/setup.mjs'
import { weights } from '../dev/weights.mjs'
import { keep, start } from './children.mjs'
import { freePort, startPostgres, startRedis } from './servers.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(ROOT, 'dist', 'cli', 'main.js')
const SERVE_GRACE_MS = 45_000
const { values: options } = parseArgs({
  options: {
    serves: { type: 'string', default: '2' },
    bots: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})
const [serves, bots] = [count(options.serves, '--serves'), count(options.bots, '--bots')]
const say = (line) => {
  if (!options.quiet) process.stderr.write(`${line}\n`)
}

function count(text, name) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 16) throw new Error(`${name} is a whole number from 1 to 16`)
  return value
}

/** what is to be ended, the last first */
const closers = []
let folder
let stopping

async function stop() {
  stopping ??= (async () => {
    for (const close of closers.toReversed()) await close().catch((error) => say(error.message))
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })()
  return stopping
}

/** @param {readonly (() => void)[]} hurries */
function stopOnSignals(hurries) {
  return new Promise((resolve) => {
    let seen = 0
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.on(signal, () => {
        seen++
        if (seen === 1) resolve(undefined)
        else for (const hurry of hurries) hurry()
      })
    }
  })
}

async function main() {
  const isLocal = !process.env.GLADIA_API_KEY && !process.env.GLADIA_API_URL
  const steps = [
    { name: 'packages', about: 'npm packages of the lockfile', run: packages },
    { name: 'build', about: 'src compiled into dist', run: build },
    ...(isLocal ? [{ name: 'weights', about: "the recogniser's weights", run: weights }] : []),
    { name: 'livekit', about: 'a LiveKit server', run: findLivekit },
  ]
  const problems = await setUp({ steps, quiet: true, write: say })
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const load = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
  const [{ NODE_FLAGS }, { findLivekit: choose }, { startLivekitServer }, { silentLogger }, { systemClock }] = await Promise.all(
    ['app/node-flags.js', 'standins/livekit/find.js', 'standins/livekit/server.js', 'observe/logger.js', 'core/time.js'].map(load),
  )
  folder = await mkdtemp(join(tmpdir(), 'roomscribe-try-'))
  const { env } = process
  const ports = []
  for (let n = 0; n < serves; n++) ports.push(await freePort())

  say('starting PostgreSQL, Redis, LiveKit ...')
  const url = (name, kind) => env[name] || kind()
  const databaseUrl = await url('DATABASE_URL', async () => {
    const server = await startPostgres()
    closers.push(() => server.child.end())
    return server.url
  })
  const redisUrl = await url('REDIS_URL', async () => {
    const server = await startRedis(join(folder, 'redis'))
    closers.push(() => server.child.end())
    return server.url
  })
  const found = await choose({
    url: env.LIVEKIT_URL,
    apiKey: env.LIVEKIT_API_KEY,
    apiSecret: env.LIVEKIT_API_SECRET,
    cacheDir: cacheDir(env),
    path: env.PATH ?? '',
  })
  if (found.kind === 'none') throw new Error(found.message)
  let livekit = found
  if (found.kind === 'binary') {
    const webhookUrl = `http://127.0.0.1:${ports[0]}/webhooks/livekit`
    livekit = await startLivekitServer({ binary: found.binary, webhookUrl, logger: silentLogger, clock: systemClock })
    const server = livekit
    closers.push(() => server.stop())
  }
  const common = {
    ...env,
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    ROOMSCRIBE_API_KEY: env.ROOMSCRIBE_API_KEY || randomBytes(18).toString('base64url'),
    ROOMSCRIBE_CACHE_DIR: cacheDir(env),
  }
  /** Our command in a process of its own; what it says to people is passed on under its name. */
  const roomscribe = (name, args, own) =>
    start(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
      env: { ...common, ROOMSCRIBE_DATA_DIR: join(folder, name), ...own },
      say: (line) => {
        const isWorse = /"level":(?:40|50|"warn"|"error")/.test(line)
        if (!line.startsWith('{') || isWorse) say(`[${name}] ${line}`)
      },
    })
  if (isLocal) {
    // one recogniser for all bots, instead of one for each
    const server = roomscribe('speech', ['speech-server', '--port', '0'], { ROOMSCRIBE_API_KEY: '' })
    closers.push(() => server.end())
    const [, speechUrl] = await server.line(/ready at (http:\/\/\S+)/)
    Object.assign(common, { GLADIA_API_URL: speechUrl, ROOMSCRIBE_STT: 'local' })
  }
  const runs = []
  /** Keeps a role running. @returns {Promise<string>} its address */
  const role = async (name, command, port, graceMs) => {
    let address = ''
    const run = await keep(
      async () => {
        const child = roomscribe(name, [command], { ROOMSCRIBE_PORT: String(port) })
        address = (await child.line(/ready at (http:\/\/\S+)/))[1]
        return child
      },
      (line) => say(`[${name}] ${line}`),
    )
    runs.push({ name, run, graceMs })
    return address
  }
  const grace = (Number(env.ROOMSCRIBE_SHUTDOWN_SEC || 60) + Number(env.ROOMSCRIBE_DRAIN_SEC || 60) + 90) * 1000
  closers.push(() => Promise.all(runs.filter(({ name }) => name.startsWith('serve')).map(({ run, graceMs }) => run.stop(graceMs))))
  closers.push(() => Promise.all(runs.filter(({ name }) => name.startsWith('bot')).map(({ run, graceMs }) => run.stop(graceMs))))
  // the first makes the tables: the others find them
  const serveUrls = [await role('serve1', 'serve', ports[0], SERVE_GRACE_MS)]
  const rest = ports.slice(1).map((port, n) => role(`serve${n + 2}`, 'serve', port, SERVE_GRACE_MS))
  const all = Array.from({ length: bots }, (_, n) => role(`bot${n + 1}`, 'bot', 0, grace))
  serveUrls.push(...(await Promise.all(rest)))
  const botUrls = await Promise.all(all)
  const signalled = stopOnSignals(runs.map(({ run }) => run.hurry))

  const pids = Object.fromEntries(runs.map(({ name, run }) => [name, run.pid]))
  const { url: livekitUrl, apiKey, apiSecret } = livekit
  const facts = {
    serves: serveUrls,
    bots: botUrls,
    key: common.ROOMSCRIBE_API_KEY,
    livekit: { url: livekitUrl, apiKey, apiSecret },
    databaseUrl,
    redisUrl,
    pids,
  }
  if (options.json) process.stdout.write(`${JSON.stringify(facts)}\n`)
  else process.stdout.write(shown(facts))
  await signalled
  say('stopping: bots first, then the rest ...')
}

function shown({ serves: addresses, bots: botAddresses, key, livekit }) {
  const [first] = addresses
  return `
  roomscribe   ${addresses.join('  ')}
  bots         ${botAddresses.join('  ')}
  key          ${key}
  LiveKit      ${livekit.url}  ${livekit.apiKey}  ${livekit.apiSecret}

  the page     ${first}/       documentation ${first}/docs       queues ${first}/queues
  a meeting    curl -X POST ${first}/v1/meetings -H "Authorization: Bearer ${key}" -H 'content-type: application/json' -d '{"room":"standup"}'

  Ctrl-C ends everything.
`
}

try {
  await main()
  await stop()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  await stop()
  process.exitCode = 1
}
