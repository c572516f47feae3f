import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'

/** A PostgreSQL server of a test's own. */
export interface TestPostgres {
  /** connection string of an existing, empty database */
  readonly url: string
  /** Makes another empty database; returns its connection string. */
  newDatabase(): Promise<string>
  /** Ends the server's connections and stops it at once, keeping its files. */
  stop(): Promise<void>
  /** Starts it again on the same port and files. */
  start(): Promise<void>
  /** Stops it and removes its files. */
  close(): Promise<void>
}

/** Folder of `initdb` and `postgres`, newest major first; undefined when PostgreSQL is not installed. */
export function postgresBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const majors = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...majors.map((major) => join(debian, major, 'bin')), ...(process.env['PATH'] ?? '').split(':')]
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  if (found === undefined && process.env['CI'] === 'true') {
    throw new Error('PostgreSQL is not installed: apt-get install postgresql (with CI=true nothing may be skipped)')
  }
  return found
}

/** PostgreSQL refuses to run as root: then everything of it runs as the user `postgres`. */
const asUser = (command: string, args: readonly string[]): [string, string[]] =>
  process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, [...args]]

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Makes and starts a server on loopback, in a folder of its own, without a unix socket. */
export async function startPostgres(binaries: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'roomscribe-postgres-'))
  if (process.getuid?.() === 0) {
    chownSync(folder, Number(execFileSync('id', ['-u', 'postgres'])), Number(execFileSync('id', ['-g', 'postgres'])))
  }
  const files = join(folder, 'files')
  execFileSync(...asUser(join(binaries, 'initdb'), ['-D', files, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']), {
    cwd: folder,
    stdio: 'pipe',
  })
  const port = await freePort()
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`
  let server: ChildProcess | undefined
  let databases = 0

  const start = async () => {
    const args = ['-D', files, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F', '-c', 'max_connections=120']
    const started = spawn(...asUser(join(binaries, 'postgres'), args), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    server = started
    let said = ''
    await new Promise<void>((resolve, reject) => {
      started.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('ready to accept connections')) resolve()
      })
      started.on('error', reject)
      started.on('exit', () => reject(new Error(`PostgreSQL did not start: ${said}`)))
    })
  }
  const stop = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    // fast shutdown; runuser passes the signal on by ending its child, so the server itself is asked by its own tool
    execFileSync(...asUser(join(binaries, 'pg_ctl'), ['stop', '-D', files, '-m', 'fast', '-w']), { cwd: folder, stdio: 'pipe' })
    await exited
  }
  const newDatabase = async () => {
    const name = `test_${++databases}`
    const client = new Client({ connectionString: urlOf('postgres') })
    await client.connect()
    await client.query(`CREATE DATABASE ${name}`)
    await client.end()
    return urlOf(name)
  }
  await start()
  return {
    url: await newDatabase(),
    newDatabase,
    start,
    stop,
    close: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
