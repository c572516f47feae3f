import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestLivekit } from '../support/livekit.js'
import { inChild } from './child.js'
import { gate } from './gate.js'
import type { Scale, Scaled } from './size.js'

const STAGES: Scaled<readonly string[]> = {
  brief: ['joins', 'latency', 'cost'],
  usual: ['joins', 'latency', 'postgres', 'cost'],
  full: ['joins', 'latency', 'postgres', 'cost'],
}

/** Of what a latency was looked for in vain, or while the speakers were late: the others would look the better for it. */
const MUST_BE_0 = ['', 'Postgres'].flatMap((at) => [`latency${at}Invalid`, `framesUnseen${at}`, `spansUnseen${at}`, `finalsUnseen${at}`])

type Result = Record<string, number | { p50: number; p99: number }>

/** Latencies and cost of a real meeting of eight on a real server, each stage in a process of its own. */
export async function run({ scale }: { readonly scale: Scale }): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-bench-'))
  const livekit = await startTestLivekit()
  try {
    const { url, apiKey, apiSecret } = livekit
    const found: Result = {}
    for (const name of STAGES[scale])
      Object.assign(found, await inChild('./live-stage-process.js', [name, join(folder, name), scale], { url, apiKey, apiSecret }))
    gate(found, { none: MUST_BE_0 })
    return found
  } finally {
    await livekit.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
