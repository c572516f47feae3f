import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openEmbedded } from '../../src/records/sql/embedded/open-embedded.js'
import { ManualClock } from '../support/manual-clock.js'

test('an embedded database that does not open in time is one sentence, not a wait without end', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-embedded-late-'))
  const clock = new ManualClock()
  try {
    const opened = openEmbedded(dataDir, null, clock, silentLogger).then(
      () => 'open',
      (thrown: unknown) => String(thrown),
    )
    while (clock.pending === 0) await systemClock.sleep(1)
    await clock.advance(600_000)
    expect(await Promise.race([opened, systemClock.sleep(20_000).then(() => 'waits')])).toMatch(/does not open \(it did not open in time\)/)
    expect(clock.pending).toBe(0)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
