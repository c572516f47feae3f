import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Redis server of our own on a free port of the loopback, keeping its data in a folder of its own. */
export interface TestRedis {
  readonly url: string
  /** the process dies as by SIGKILL; `start` brings it back with its data */
  kill(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** @throws when `redis-server` is not installed or does not come up */
export async function startRedis(password: string | null = null): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-redis-'))
  const port = await freePort()
  let server: ReturnType<typeof spawn> | undefined

  async function start(): Promise<void> {
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
      ...(password === null ? [] : ['--requirepass', password]),
    ]
    const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] })
    server = child
    const ready = new Promise<void>((resolve, reject) => {
      let log = ''
      child.stdout.setEncoding('utf8')
      child.stdout.on('data', (text: string) => {
        log += text
        if (log.includes('Ready to accept connections')) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`redis-server ended: ${log.slice(-500)}`)))
    })
    await ready
  }

  async function kill(): Promise<void> {
    const child = server
    server = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.removeAllListeners('exit')
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    close: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
