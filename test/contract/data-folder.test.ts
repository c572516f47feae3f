import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliProcess } from '../support/cli-process.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'

/** A folder that is full or not ours: root may write everywhere, so that the tests put something else in the way. */
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomscribe-data-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ELSEWHERE = {
  LIVEKIT_URL: 'ws://127.0.0.1:9',
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'secret-of-at-least-32-characters-long',
  GLADIA_API_URL: 'http://127.0.0.1:9',
  ROOMSCRIBE_PORT: '0',
}

async function outcome(args: readonly string[], dataDir: string, env: Record<string, string> = {}) {
  const cli = new CliProcess(args, { ...ELSEWHERE, ROOMSCRIBE_DATA_DIR: dataDir, ...env })
  try {
    return { code: await cli.exited, messages: cli.messages, stdout: cli.stdout.join('\n') }
  } finally {
    await cli.kill()
  }
}

test.each(['port', 'api-key'])(
  '`up` ends with one line and 2 when `%s` cannot be written into the data folder, and no server is left',
  async (name) => {
    const dataDir = join(folder, 'data')
    mkdirSync(join(dataDir, name), { recursive: true })
    const { code, messages } = await outcome(['up'], dataDir)
    expect(messages).toEqual([expect.stringMatching(/^roomscribe: the data folder .* cannot be written .*ROOMSCRIBE_DATA_DIR/)])
    expect(code).toBe(2)
  },
)

test('so do `serve` and `bot` on PostgreSQL, where nothing but the port is written at the start', async () => {
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('no PostgreSQL: npm run setup -- --tests gets one')
  const postgres = await startPostgres(binaries)
  try {
    const dataDir = join(folder, 'data')
    mkdirSync(join(dataDir, 'port'), { recursive: true })
    const env = { DATABASE_URL: await postgres.newDatabase(), ROOMSCRIBE_API_KEY: 'a-key' }
    for (const role of ['serve', 'bot']) {
      const { code, messages } = await outcome([role], dataDir, env)
      expect(messages).toEqual([expect.stringMatching(/^roomscribe: the data folder .* cannot be written .*ROOMSCRIBE_DATA_DIR/)])
      expect(code).toBe(2)
    }
  } finally {
    await postgres.close()
  }
})

test('a data folder that cannot be made is one line and 2 for `up` and `join`, and a finding of `doctor`', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const dataDir = join(file, 'data')
  for (const args of [['up'], ['join', 'room']]) {
    const { code, messages } = await outcome(args, dataDir)
    expect(messages).toEqual([expect.stringMatching(/^roomscribe: the data folder .* cannot be made .*ROOMSCRIBE_DATA_DIR/)])
    expect(code).toBe(2)
  }
  const { findings } = JSON.parse((await outcome(['doctor', '--json'], dataDir)).stdout) as { findings: { what: string; detail: string }[] }
  expect(findings.find(({ what }) => what === 'data folder')).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/cannot be made .*ROOMSCRIBE_DATA_DIR/),
  })
})
