import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../src/app/node-flags.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { startTestLivekit } from '../support/livekit.js'
import type { Scale, Scaled } from './size.js'

const STAGES: Scaled<readonly string[]> = {
  brief: ['joins', 'latency', 'cost'],
  usual: ['joins', 'latency', 'postgres', 'cost'],
  full: ['joins', 'latency', 'postgres', 'cost'],
}

type Result = Record<string, number | { p50: number; p99: number }>

/** Latencies and cost of a real meeting of eight on a real server, each stage in a process of its own. */
export async function run({ scale }: { readonly scale: Scale }): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-bench-'))
  const livekit = await startTestLivekit()
  try {
    const results: Result[] = []
    for (const name of STAGES[scale]) results.push(await stage(name, scale, livekit, join(folder, name)))
    return Object.assign({}, ...results) as Result
  } finally {
    await livekit.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function stage(name: string, scale: Scale, { url, apiKey, apiSecret }: LivekitServer, folder: string): Promise<Result> {
  const file = fileURLToPath(new URL('./live-stage-process.js', import.meta.url))
  const child = spawn(process.execPath, [...NODE_FLAGS, '--expose-gc', file, name, folder, scale], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url, apiKey, apiSecret }))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as Result)
      else reject(new Error(`stage ${name} ended with ${code}`))
    })
  })
}
