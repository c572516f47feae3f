import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../src/app/node-flags.js'

/**
 * Runs a file of this folder in a process of its own, whose memory and CPU are nobody else's.
 * @param input goes to its standard input
 * @returns the JSON that it printed
 */
export function inChild(file: string, args: readonly string[], input: object = {}): Promise<unknown> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [...NODE_FLAGS, '--expose-gc', path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(input))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`${file} ${args.join(' ')} ended with ${code}`))
    })
  })
}
