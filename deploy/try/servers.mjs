/** PostgreSQL and Redis for a while, on loopback, in a folder that goes with them. */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { start } from './children.mjs'

const MISSING = 'npm run setup -- --tests gets it on Debian, or set DATABASE_URL and REDIS_URL'

/** @returns {Promise<number>} a port that is free at this moment */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/**
 * A Redis that keeps jobs.
 * @param {string} folder its own
 * @returns {Promise<{ url: string, child: import('./children.mjs').Child }>}
 */
export async function startRedis(folder) {
  if (!onPath('redis-server')) throw new Error(`there is no redis-server: ${MISSING}`)
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', '']
  const child = start('redis-server', [...settings, '--maxmemory-policy', 'noeviction'])
  await child.line(/Ready to accept connections/)
  return { url: `redis://127.0.0.1:${port}`, child }
}

/**
 * A PostgreSQL with an empty database, in a folder of its own. It refuses to run as root: then it and its folder are the user `postgres`'s.
 * @returns {Promise<{ url: string, child: import('./children.mjs').Child }>}
 */
export async function startPostgres() {
  const binaries = postgresFolder()
  if (binaries === undefined) throw new Error(`there is no PostgreSQL: ${MISSING}`)
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-try-postgres-'))
  const isRoot = process.getuid?.() === 0
  const as = (command, args) => (isRoot ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args])
  if (isRoot) chownSync(folder, Number(execFileSync('id', ['-u', 'postgres'])), Number(execFileSync('id', ['-g', 'postgres'])))
  const files = join(folder, 'files')
  const init = ['-D', files, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  execFileSync(...as(join(binaries, 'initdb'), init), { cwd: folder, stdio: 'pipe' })
  const port = await freePort()
  const args = ['-D', files, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-c', 'max_connections=200']
  const child = start(...as(join(binaries, 'postgres'), args), { cwd: folder })
  await child.line(/ready to accept connections/)
  // runuser does not pass a fast shutdown on: the server's own tool does
  const stop = as(join(binaries, 'pg_ctl'), ['stop', '-D', files, '-m', 'fast', '-w'])
  const end = async () => {
    try {
      execFileSync(...stop, { cwd: folder, stdio: 'pipe' })
    } catch {
      await child.end('SIGKILL')
    }
    await child.exited
    await rm(folder, { recursive: true, force: true })
  }
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, child: { ...child, end } }
}

/** Debian keeps the server's programs off the PATH, a folder a version: the newest. */
function postgresFolder() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(delimiter)]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

const onPath = (program) => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
