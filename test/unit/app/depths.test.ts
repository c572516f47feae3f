import { expect, test } from 'vitest'
import { watchDepths } from '../../../src/app/roles/depths.js'
import { createMetrics } from '../../../src/observe/metrics.js'
import type { MeetingState } from '../../../src/records/port.js'
import { ManualClock } from '../../support/manual-clock.js'

function rig() {
  const clock = new ManualClock()
  const metrics = createMetrics({ process: false })
  const asked = { store: 0, queue: 0 }
  let store = (): Promise<ReadonlyMap<MeetingState, number>> => Promise.resolve(new Map([['live', 3] as const]))
  const parts = {
    clock,
    metrics,
    records: {
      countByState: () => {
        asked.store++
        return store()
      },
    },
    jobs: {
      queue: {
        counts: () => {
          asked.queue++
          return Promise.resolve({ 'attend.waiting': 2, 'followup.failed': 1 })
        },
      },
    },
  } as unknown as Parameters<typeof watchDepths>[0]
  watchDepths(parts)
  const lines = async () =>
    (await metrics.text()).body.split('\n').filter((line) => /^roomscribe_(meetings_by_state|queue_jobs)/.test(line))
  return { clock, asked, lines, setStore: (next: typeof store) => (store = next) }
}

test('meetings by state and depths of queues are looked up when somebody scrapes; states without meetings are 0', async () => {
  const { lines } = rig()
  const found = await lines()
  expect(found).toContain('roomscribe_meetings_by_state{state="live"} 3')
  expect(found).toContain('roomscribe_meetings_by_state{state="queued"} 0')
  expect(found).toContain('roomscribe_queue_jobs{queue="attend",state="waiting"} 2')
  expect(found).toContain('roomscribe_queue_jobs{queue="followup",state="failed"} 1')
  expect(found.filter((line) => line.includes('"done"'))).toEqual([])
})

test('several scrapes at once look once, later ones again', async () => {
  const { clock, asked, lines } = rig()
  await Promise.all([lines(), lines(), lines()])
  expect(asked).toEqual({ store: 1, queue: 1 })
  await clock.advance(3_000)
  await lines()
  expect(asked).toEqual({ store: 2, queue: 2 })
})

test('a store that does not answer costs a scrape two seconds, and its last numbers are not told again', async () => {
  const { clock, lines, setStore } = rig()
  await lines()
  await clock.advance(3_000)
  setStore(() => new Promise(() => undefined))
  const waiting = lines()
  await clock.advance(2_000)
  const found = await waiting
  expect(found.filter((line) => line.includes('meetings_by_state'))).toEqual([])
  expect(found).toContain('roomscribe_queue_jobs{queue="attend",state="waiting"} 2')
})
