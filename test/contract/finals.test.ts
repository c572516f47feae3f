import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { MeetingId } from '../../src/core/ids.js'
import { Journal } from '../../src/live/bot/journal.js'
import { silentLogger } from '../../src/observe/logger.js'
import { FinalsFolder } from '../../src/records/finals/finals-folder.js'
import { ManualClock } from '../support/manual-clock.js'
import { MemoryStore } from '../support/memory-store.js'
import { requestFor } from '../support/records.js'

const SCRIPT = fileURLToPath(new URL('../support/finals-writer.mjs', import.meta.url))

describe('finals of a process that dies', () => {
  const root = mkdtempSync(join(tmpdir(), 'roomscribe-finals-'))
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  /** Runs the writer until `until` of its lines, then kill -9. @returns every line it got out */
  async function run(shell: string, args: readonly string[], until: (lines: readonly string[]) => boolean): Promise<readonly string[]> {
    const child = spawn('sh', ['-c', `${shell}exec "$0" "$@"`, process.execPath, SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'close')
    const lines: string[] = []
    const output = createInterface({ input: child.stdout })
    output.on('line', (line) => {
      lines.push(line)
      if (until(lines)) child.kill('SIGKILL')
    })
    await Promise.all([exited, once(output, 'close')])
    expect(child.signalCode).toBe('SIGKILL')
    return lines
  }

  /** What the next bot of the meeting finds. */
  async function recovered(store: MemoryStore, id: MeetingId): Promise<readonly string[]> {
    const claim = await store.claim(id)
    const logs = new FinalsFolder(root, silentLogger)
    const events = { stored: () => undefined, gapStored: () => undefined, claimLost: () => undefined }
    const journal = new Journal({ store, logs, claim, clock: new ManualClock(), logger: silentLogger, random: () => 0.5 }, events)
    await journal.open()
    await journal.close(1_000)
    return (await store.segments(id)).map(({ utteranceId }) => utteranceId)
  }

  test('28 I1 I2 after each of 10 kill -9 everything told is recovered, once, in order, with its spans', { timeout: 120_000 }, async () => {
    const store = new MemoryStore()
    const { meeting } = await store.create(requestFor('room'))
    const told: string[] = []
    const numberOf = (id: string) => Number(id.split('-')[1])
    for (let kill = 1; kill <= 10; kill++) {
      const { epoch } = await store.claim(meeting.id)
      const lines = await run('', [root, meeting.id, String(epoch), '1000000'], (some) => some.length > kill * 41)
      told.push(...lines)
      const stored = await recovered(store, meeting.id)
      expect(stored.filter((one) => one.startsWith(`${epoch}-`)).length).toBeGreaterThanOrEqual(lines.length)
      expect(new Set(stored).size).toBe(stored.length)
      const missing = told.filter((one) => !stored.includes(one))
      expect(missing).toEqual([])
      // each final rests on a span that reaches as far
      const spans = (await store.spans(meeting.id)).filter(({ sessionId }) => sessionId === `session ${epoch}`)
      expect(spans).toHaveLength(8)
      expect(Math.max(...spans.map(({ toFrame }) => toFrame))).toBeGreaterThan(Math.max(...lines.map(numberOf)))
      // what was logged and not told is a run right after it: nothing in between is missing
      expect(stored.filter((one) => one.startsWith(`${epoch}-`))).toEqual(
        Array.from({ length: stored.filter((one) => one.startsWith(`${epoch}-`)).length }, (_, n) => `${epoch}-${n}`),
      )
    }
  })

  test('33 F2 where no more fits, what was told can be read, and the refusal is told', async () => {
    const store = new MemoryStore()
    const { meeting } = await store.create(requestFor('full'))
    const { epoch } = await store.claim(meeting.id)
    // a file may have 64 blocks of 512 bytes: some write is taken in part, then refused
    const lines = await run('ulimit -f 64; ', [root, meeting.id, String(epoch), '2000'], (some) => some.includes('refused EFBIG'))
    const told = lines.filter((line) => !line.startsWith('refused'))
    expect(told.length).toBeGreaterThan(20)
    const stored = await recovered(store, meeting.id)
    expect(told.filter((one) => !stored.includes(one))).toEqual([])
    expect(new Set(stored).size).toBe(stored.length)
  })
})
