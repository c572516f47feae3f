import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/observe/logger.js'
import { watchLoop } from '../../../src/observe/loop-watch.js'
import { createMetrics } from '../../../src/observe/metrics.js'
import { ManualClock } from '../../support/manual-clock.js'

test('32 a stall of a second is a warning, one beyond 10 s an error, both are counted; less is nothing', async () => {
  const clock = new ManualClock()
  const metrics = createMetrics({ process: false })
  const lines: string[] = []
  const logger = {
    ...silentLogger,
    warn: (facts: object) => lines.push(`warn ${JSON.stringify(facts)}`),
    error: (facts: object) => lines.push(`error ${JSON.stringify(facts)}`),
  }
  const stop = watchLoop(clock, logger, (seconds) => metrics.stalledSec.add(seconds, {}))
  // right after a look: its first 250 ms are those until the next
  for (const ms of [0, 900, 1_750, 12_250]) {
    await clock.advance(1_000)
    clock.stall(ms)
  }
  // the wall clock is not what it goes by
  clock.jumpWall(3_600_000)
  await clock.advance(1_000)
  expect(lines).toEqual(['warn {"ms":1500}', 'error {"ms":12000}'])
  expect((await metrics.text()).body).toContain('roomscribe_event_loop_stalled_seconds_total 13.5')
  stop()
  expect(clock.pending).toBe(0)
})
