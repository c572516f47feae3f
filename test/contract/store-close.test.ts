import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'
import { until } from '../support/until.js'

test('41 a store closes, and no connection is left, while its server stands still', async () => {
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('no PostgreSQL: npm run setup -- --tests gets one')
  const postgres = await startPostgres(binaries)
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-store-close-'))
  const frozen: number[] = []
  try {
    const records = await openStore({ databaseUrl: postgres.url, dataDir, clock: systemClock, logger: silentLogger })
    const backends = async () => {
      const client = await records.pool.connect()
      const { rows } = await client.query('SELECT pid, query FROM pg_stat_activity WHERE datname = current_database()', [])
      client.release()
      return rows.map(({ pid, query }) => ({ pid: Number(pid), isListening: typeof query === 'string' && query.startsWith('LISTEN') }))
    }
    await until(async () => (await backends()).some(({ isListening }) => isListening))
    for (const { pid } of await backends()) {
      process.kill(pid, 'SIGSTOP')
      frozen.push(pid)
    }
    expect(frozen).toHaveLength(2)
    const late = new AbortController()
    const waited = systemClock.sleep(10_000, late.signal).then(
      () => 'open',
      () => 'closed',
    )
    void records.close().then(() => late.abort(new Error('closed')))
    expect(await waited).toBe('closed')
    await until(() => !process.getActiveResourcesInfo().includes('TCPSocketWrap'), 2_000)
  } finally {
    for (const pid of frozen) process.kill(pid, 'SIGCONT')
    await postgres.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}, 60_000)
