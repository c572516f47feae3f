import { once } from 'node:events'
import { WebSocket } from 'ws'
import { z } from 'zod'
import type { CliProcess } from './cli-process.js'

/** Node's inspector at a free port, for a process of which `heapLeftMb` is asked. */
export const INSPECTED = ['--inspect=127.0.0.1:0'] as const

const LIMIT_MS = 20_000
const answerSchema = z.object({ id: z.number(), result: z.object({ result: z.object({ value: z.number() }).optional() }).optional() })

/**
 * What a process holds, MB of heap in use after a full collection: without one, growth drowns in what waits to be collected.
 * Source: Chrome DevTools Protocol, HeapProfiler.collectGarbage and Runtime.evaluate
 * @throws Error it was not started with `INSPECTED`, or does not answer within 20 s
 */
export async function heapLeftMb(process: CliProcess): Promise<number> {
  const [, url = ''] = await process.line(/Debugger listening on (ws:\S+)/)
  const socket = new WebSocket(url)
  const signal = AbortSignal.timeout(LIMIT_MS)
  try {
    await once(socket, 'open', { signal })
    const ask = async (id: number, method: string, params = {}) => {
      socket.send(JSON.stringify({ id, method, params }))
      for (;;) {
        const [data] = (await once(socket, 'message', { signal })) as [Buffer]
        const answer = answerSchema.safeParse(JSON.parse(data.toString('utf8')))
        if (answer.success && answer.data.id === id) return answer.data.result?.result?.value ?? Number.NaN
      }
    }
    await ask(1, 'HeapProfiler.collectGarbage')
    return (await ask(2, 'Runtime.evaluate', { expression: 'process.memoryUsage().heapUsed' })) / 2 ** 20
  } finally {
    socket.terminate()
  }
}
