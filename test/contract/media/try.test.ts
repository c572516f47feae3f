import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { childEnvironment } from '../../../src/app/config/process-env.js'
import { systemClock } from '../../../src/core/time.js'
import { RoomSpeaker } from '../../support/room-speaker.js'
import { startSpeechServerProcess } from '../../support/speech-server-process.js'
import { until } from '../../support/until.js'

const TRY = fileURLToPath(new URL('../../../deploy/try/try.mjs', import.meta.url))

/** What the command prints with --json. */
interface Facts {
  readonly serves: readonly string[]
  readonly bots: readonly string[]
  readonly key: string
  readonly livekit: { readonly url: string; readonly apiKey: string; readonly apiSecret: string }
  readonly pids: Readonly<Record<string, number>>
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('the command for trying it: people come into a room, any serve tells of their meeting, a bot that dies is replaced, and the end leaves nothing', async () => {
  const speech = await startSpeechServerProcess('marks')
  const env = {
    GLADIA_API_URL: speech.url,
    ROOMSCRIBE_STT: 'local',
    ROOMSCRIBE_AUTO_JOIN: 'try-*',
    ROOMSCRIBE_SHUTDOWN_SEC: '1',
    ROOMSCRIBE_DRAIN_SEC: '5',
  }
  const child = spawn(process.execPath, [TRY, '--json', '--quiet'], { env: childEnvironment(env), stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  try {
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    await until(() => printed.includes('\n') || child.exitCode !== null, 120_000)
    const facts = JSON.parse(printed) as Facts
    expect([facts.serves.length, facts.bots.length]).toEqual([2, 2])
    const ask = async (base: string, path: string) => {
      const response = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${facts.key}` } })
      return (await response.json()) as { readonly items: readonly { readonly state: string }[] }
    }
    const states = async (base: string | undefined) => (await ask(base ?? '', '/v1/meetings?room=try-1')).items.map(({ state }) => state)
    const ana = await RoomSpeaker.join(facts.livekit as Parameters<typeof RoomSpeaker.join>[0], 'try-1', 'ana')
    for (const base of facts.serves) await until(async () => (await states(base))[0] === 'live', 20_000)
    // the bots are kept running
    const { bot1 = 0 } = facts.pids
    process.kill(bot1, 'SIGKILL')
    await until(async () => (await fetch(`${facts.bots[1]}/readyz`)).ok && !isAlive(bot1), 20_000)
    await until(async () => (await states(facts.serves[1])).join() === 'live', 20_000)
    await ana.leave()
    child.kill('SIGTERM')
    const cancel = systemClock.after(60_000, () => child.kill('SIGKILL'))
    const [code] = (await exited) as [number | null]
    cancel()
    expect(code).toBe(0)
    expect(Object.values(facts.pids).filter(isAlive)).toEqual([])
  } finally {
    if (child.exitCode === null) child.kill('SIGTERM')
    await exited
    await speech.stop()
  }
}, 240_000)
