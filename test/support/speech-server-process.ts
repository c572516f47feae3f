import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { childEnvironment } from '../../src/app/config/process-env.js'
import { cacheDir } from '../../src/app/config/cache-dir.js'
import { mainFile } from '../../src/app/speech.js'

/** The real command in a process of its own. */
export interface SpeechServerProcess {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts `roomscribe speech-server` on a free port and waits until it says that it is ready. */
export function startSpeechServerProcess(
  engine: 'marks' | 'moonshine',
  extra: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<SpeechServerProcess> {
  const child = spawn(process.execPath, [mainFile(), 'speech-server', '--port', '0', '--engine', engine, '--with-parent', ...extra], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: childEnvironment({ ROOMSCRIBE_CACHE_DIR: cacheDir(process.env), ...env }),
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const lines: string[] = []
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`speech-server ended with ${code}: ${lines.join('\n')}`)))
    if (!child.stderr) throw new Error('no pipe')
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      const url = /ready at (\S+)/.exec(line)?.[1]
      if (url !== undefined) {
        resolve({
          url,
          pid: child.pid ?? 0,
          stop: async () => {
            child.kill('SIGTERM')
            await exited
          },
        })
      }
    })
  })
}
