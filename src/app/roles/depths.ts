import { within } from '../../core/within.js'
import { FINAL_STATES, MEETING_STATES } from '../../records/port.js'
import type { Ground } from './ground.js'

/** Whoever scrapes waits no longer than this. */
const WAIT_MS = 2_000
/** Asked by several, the store and the queue are asked once. */
const FRESH_MS = 2_000

const RUNNING = MEETING_STATES.filter((state) => !FINAL_STATES.includes(state))

/**
 * Meetings by state and jobs by queue, of all processes, looked up when somebody scrapes. What does not answer in time is not told:
 * an alert on absence sees it, and a number that was true once is no answer.
 */
export function watchDepths({ records, jobs, metrics, clock }: Pick<Ground, 'records' | 'jobs' | 'metrics' | 'clock'>): void {
  const late = () => new Error('timed out')
  const meetings = async () => {
    try {
      const counts = await within(clock, WAIT_MS, records.countByState(), late)
      for (const state of RUNNING) metrics.meetingsByState.set(counts.get(state) ?? 0, { state })
    } catch {
      metrics.meetingsByState.clear()
    }
  }
  const queues = async () => {
    try {
      const counts = await within(clock, WAIT_MS, jobs.queue.counts(), late)
      for (const [name, count] of Object.entries(counts)) {
        const [queue = '', state = ''] = name.split('.')
        metrics.queueJobs.set(count, { queue, state })
      }
    } catch {
      metrics.queueJobs.clear()
    }
  }
  let latest: { readonly atMs: number; readonly done: Promise<unknown> } | null = null
  metrics.beforeText(async () => {
    const nowMs = clock.monotonicMs()
    if (latest === null || nowMs - latest.atMs > FRESH_MS) latest = { atMs: nowMs, done: Promise.all([meetings(), queues()]) }
    await latest.done
  })
}
