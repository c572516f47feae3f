import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

const OUTPUT_CHARS = 64 * 1024

/**
 * Text that may be shown: without addresses and names of hosts, which differ from machine to machine.
 * @param {string} text
 * @returns {string}
 */
export function withoutHosts(text) {
  return text.replace(/https?:\/\/[^\s/"']+/g, '[host]').replace(/\b(?:[a-z0-9-]+\.){2,}[a-z]{2,}\b(?![/(])/gi, '[host]')
}

/**
 * Runs a command to its end and keeps the end of its output, 64 Ki characters.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, timeoutMs?: number }} options
 * @returns {Promise<{ code: number, output: string, last: string }>} `last`: the last lines, fit to be shown; code -1 when it was not started or took too long
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const { cwd, env = process.env, timeoutMs } = options
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const end = (code) => {
      clearTimeout(timer)
      const lines = withoutHosts(output)
        .split('\n')
        .filter((line) => line.trim() !== '')
      resolve({
        code,
        output,
        last: lines
          .slice(-12)
          .map((line) => `    ${line}`)
          .join('\n'),
      })
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        output = (output + chunk).slice(-OUTPUT_CHARS)
      })
    }
    child.once('error', (error) => {
      output += `${error.message}\n`
      if (child.pid === undefined) end(-1)
    })
    child.once('close', (code) => end(code ?? -1))
  })
}

/**
 * The first executable of that name on the PATH.
 * @param {string} name
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<string | undefined>}
 */
export async function onPath(name, env) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name)
  }
  return undefined
}

/**
 * @param {string} path
 * @returns {Promise<boolean>}
 */
export async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
