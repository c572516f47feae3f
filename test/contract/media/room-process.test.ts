import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { workerFile } from '../../../src/core/worker-file.js'

/** The compiled module: a child cannot run TypeScript. */
const OPEN = workerFile(new URL('../../../src/live/room/livekit/open.ts', import.meta.url).href, './open.js').href
const LIBRARY = workerFile(new URL('../../../src/live/room/livekit/library.ts', import.meta.url).href, './library.js').href

/** Runs a script in a process of its own, which has to end by itself. */
function run(script: string, more: Readonly<Record<string, string>> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const prelude = `
    import { Room } from '@livekit/rtc-node'
    import { createLivekitRoom, disposeRoomLibrary } from '${OPEN}'
    import { prepareLibrary } from '${LIBRARY}'
    const say = (facts, message) => console.error(message, facts.err?.message ?? '')
    const logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => logger }
  `
  return new Promise((resolve) => {
    const options = { cwd: new URL('../../..', import.meta.url), env: { PATH: process.env['PATH'], ...more } }
    execFile(process.execPath, ['--input-type=module', '-e', prelude + script], options, (error, stdout, stderr) => {
      // a child that died by a signal has no code
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr })
    })
  })
}

describe('the process', () => {
  test('a rejection that rtc-node leaves unhandled is logged and the process goes on; it ends after dispose', async () => {
    const { code, stdout, stderr } = await run(`
      prepareLibrary(logger)
      void new Room().getRtcStats()
      setImmediate(async () => { await disposeRoomLibrary(); console.log('still here') })
    `)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'still here\n' })
    expect(stderr).toContain('rtc-node left a rejection unhandled getRtcStats requires a connected room')
  })

  test('any other unhandled rejection ends the process as if the handler did not exist', async () => {
    const { code, stdout, stderr } = await run(`
      prepareLibrary(logger)
      void Promise.reject(new Error('planted'))
      setImmediate(() => console.log('still here'))
    `)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('Error: planted')
  })

  test('a handler of the application gets the other rejections, and the process goes on', async () => {
    const { code, stdout } = await run(`
      prepareLibrary(logger)
      process.on('unhandledRejection', (error) => console.log('handled', error.message))
      void Promise.reject(new Error('planted'))
    `)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'handled planted\n' })
  })

  test('nothing of the library goes to the terminal, and after dispose the process ends, and joins no room until then', async () => {
    const { code, stdout, stderr } = await run(`
      import { systemClock } from '${new URL('../../../core/time.js', OPEN).href}'
      const port = createLivekitRoom({ url: 'ws://127.0.0.1:1', apiKey: 'k', apiSecret: 's'.repeat(40), clock: systemClock, logger })
      const failed = await port.join({ room: 'r', botIdentity: 'b', botName: 'b' }, {}, new AbortController().signal).catch((error) => error)
      console.log(failed.code)
      await disposeRoomLibrary()
      const late = await port.join({ room: 'r', botIdentity: 'b', botName: 'b' }, {}, new AbortController().signal).catch((error) => error)
      console.log(late.message)
    `)
    const freed = 'the room library of this process has been freed: no room can be joined any more'
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `livekit_unreachable\n${freed}\n`, stderr: '' })
  })

  test('the native side has eight threads for its tasks on few cores too, or as many as the operator says', async () => {
    const join = `
      import { readdirSync, readFileSync } from 'node:fs'
      import { systemClock } from '${new URL('../../../core/time.js', OPEN).href}'
      import { openRoom } from '${new URL('../../../app/room.js', OPEN).href}'
      const workers = () => readdirSync('/proc/self/task')
        .filter((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8').startsWith('tokio')).length
      const before = workers()
      const settings = { livekitUrl: 'ws://127.0.0.1:1', livekitApiKey: 'k', livekitApiSecret: { reveal: () => 's'.repeat(40) }, maxTracks: 1 }
      const port = openRoom(settings, { clock: systemClock, logger, business: {} })
      await port.join({ room: 'r', botIdentity: 'b', botName: 'b' }, {}, new AbortController().signal).catch(() => undefined)
      console.log(workers() - before)
      await disposeRoomLibrary()
    `
    expect((await run(join)).stdout).toBe(`${Math.max(8, availableParallelism())}\n`)
    expect((await run(join, { TOKIO_WORKER_THREADS: '5' })).stdout).toBe('5\n')
  })
})
