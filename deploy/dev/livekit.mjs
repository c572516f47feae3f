import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LIVEKIT_FOLDER, LIVEKIT_VERSION } from './cache-dir.mjs'
import { removeLeftovers, withLock } from './lock.mjs'
import { isExecutable, onPath, run } from './run.mjs'

const MODULE = `github.com/livekit/livekit-server/cmd/server@v${LIVEKIT_VERSION}`
const IMAGE = `livekit/livekit-server:v${LIVEKIT_VERSION}`
const TEMPORARY = '.tmp-livekit-'
const NEEDED_GO = [1, 26]
/** Older ones cannot fetch a newer toolchain by themselves. */
const TOOLCHAIN_GO = [1, 21]
const BUILD_MS = 20 * 60_000

/**
 * A LiveKit server, in this order: LIVEKIT_URL (not for tests, which own their server), `livekit-server` on the PATH,
 * the cache, built with Go into the cache, docker.
 * @param {import('./setup.mjs').Context} context
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence with what to do
 */
export async function livekit(context) {
  const { env } = context
  if (env.LIVEKIT_URL && !context.tests) return 'LIVEKIT_URL is set'
  const installed = await onPath('livekit-server', env)
  if (installed !== undefined) return installed
  const binary = join(context.cache, LIVEKIT_FOLDER, 'livekit-server')
  if (await runs(binary)) return binary
  return withLock(
    join(context.cache, 'locks', 'livekit'),
    async () => {
      if (await runs(binary)) return binary
      await removeLeftovers(context.cache, TEMPORARY)
      const temporary = join(context.cache, `${TEMPORARY}${randomUUID()}`)
      await mkdir(temporary, { recursive: true })
      try {
        const tried = []
        for (const provide of [fromGo, fromDocker]) {
          const failure = await provide(context, temporary)
          if (failure !== undefined) {
            tried.push(failure)
            continue
          }
          await mkdir(join(context.cache, LIVEKIT_FOLDER), { recursive: true })
          await rename(join(temporary, 'server'), binary)
          return binary
        }
        throw new Error(noServer(tried, process.platform))
      } finally {
        await rm(temporary, { recursive: true, force: true })
      }
    },
    context.waiting,
  )
}

/**
 * @param {readonly string[]} tried why each way failed
 * @param {string} platform
 * @returns {string}
 */
export function noServer(tried, platform) {
  const command =
    platform === 'darwin'
      ? '"brew install livekit"'
      : 'install Go 1.26 or newer and run this again, or put a livekit-server of github.com/livekit/livekit/releases on the PATH'
  return `there is no LiveKit server: ${command}, or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET (tried: ${tried.join('; ')})`
}

/** A cut-off or foreign file does not say its version. */
async function runs(binary) {
  if (!(await isExecutable(binary))) return false
  return (await run(binary, ['--version'], { timeoutMs: 10_000 })).code === 0
}

async function fromGo(context, folder) {
  const { env } = context
  const version = await run('go', ['env', 'GOVERSION'], { env, cwd: folder, timeoutMs: 30_000 })
  if (version.code !== 0) return 'no Go'
  const numbers = goVersion(version.output)
  if (numbers === undefined || isOlder(numbers, TOOLCHAIN_GO)) return `${version.output.trim()} is too old, 1.26 is needed`
  const download = isOlder(numbers, NEEDED_GO) ? ', after fetching Go 1.26 itself' : ''
  context.working(`go install of version ${LIVEKIT_VERSION}, about 90 s${download}`)
  // away from the checkout: no go.mod of anybody decides
  const goEnv = { ...env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
  const built = await run('go', ['install', MODULE], { env: goEnv, cwd: folder, timeoutMs: BUILD_MS })
  if (built.code !== 0) return `go install failed with\n${built.last}\n`
  return (await runs(join(folder, 'server'))) ? undefined : 'what go install built does not run'
}

async function fromDocker(context, folder) {
  const { env } = context
  const docker = await onPath('docker', env)
  if (docker === undefined) return 'no docker'
  if ((await run(docker, ['info'], { env, timeoutMs: 10_000 })).code !== 0) return 'no docker engine answers'
  context.working(`docker pull ${IMAGE}`)
  const pulled = await run(docker, ['pull', '--quiet', IMAGE], { env, timeoutMs: BUILD_MS })
  if (pulled.code !== 0) return `docker pull failed with\n${pulled.last}\n`
  await writeFile(join(folder, 'server'), dockerScript(docker, env), { mode: 0o755 })
  return (await runs(join(folder, 'server'))) ? undefined : 'the image does not run'
}

/**
 * A program that starts the image as if it were the server. It carries what the docker client needs of the environment,
 * since servers are started with an empty one.
 * @param {string} docker path of the client
 * @param {Record<string, string | undefined>} env
 * @returns {string}
 */
export function dockerScript(docker, env) {
  const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`
  const kept = ['HOME', 'PATH', 'DOCKER_HOST', 'DOCKER_CONTEXT'].filter((name) => env[name])
  const settings = kept.map((name) => `export ${name}=${quoted(env[name])}\n`).join('')
  return `#!/bin/sh\n${settings}exec ${quoted(docker)} run --rm --init --network host ${IMAGE} "$@"\n`
}

/**
 * @param {string} text as `go env GOVERSION` prints it
 * @returns {readonly [number, number] | undefined} major, minor
 */
export function goVersion(text) {
  const match = /go(\d+)\.(\d+)/.exec(text)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

function isOlder([major, minor], [neededMajor, neededMinor]) {
  return major < neededMajor || (major === neededMajor && minor < neededMinor)
}
