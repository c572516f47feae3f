import { expect, test } from 'vitest'
import { newMeetingId, newOccurrenceId, newScheduleId } from '../../../../src/core/ids.js'
import { Scheduler } from '../../../../src/control/schedule/scheduler.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { AskedOutcome, NextDue, Started } from '../../../../src/records/schedules.js'
import { ManualClock } from '../../../support/manual-clock.js'

/** What is due, as a store would have it: times in ms, started once. */
class DueTimes {
  readonly started: { readonly dueMs: number; readonly atMs: number }[] = []
  readonly due: number[] = []
  lookMs: number | null = null
  meetingMs: number | null = null
  missedAt: number[] = []
  /** what becomes of the meetings that are due then */
  readonly outcomes: AskedOutcome['outcome'][] = []
  isAway = false
  asked = 0

  startDue(nowMs: number, limit: number): Promise<readonly Started[]> {
    const now = this.due.filter((ms) => ms <= nowMs).slice(0, limit)
    for (const dueMs of now) {
      this.due.splice(this.due.indexOf(dueMs), 1)
      this.started.push({ dueMs, atMs: nowMs })
    }
    return Promise.resolve(
      now.map(() => ({
        occurrenceId: newOccurrenceId(),
        scheduleId: newScheduleId(),
        outcome: 'started',
        meetingId: newMeetingId(),
        isOwn: true,
      })),
    )
  }

  missMeetings(nowMs: number): Promise<number> {
    this.missedAt.push(nowMs)
    return Promise.resolve(0)
  }

  startMeetings(nowMs: number, limit: number): Promise<readonly AskedOutcome[]> {
    const isDue = this.meetingMs !== null && this.meetingMs <= nowMs
    if (isDue) this.meetingMs = null
    const outcomes = isDue ? this.outcomes.splice(0, limit) : []
    if (this.outcomes.length > 0) this.meetingMs = nowMs
    return Promise.resolve(outcomes.map((outcome) => ({ meetingId: newMeetingId(), outcome })))
  }

  nextDue(): Promise<NextDue> {
    this.asked++
    if (this.isAway) return Promise.reject(new Error('away'))
    return Promise.resolve({
      startMs: this.due.length === 0 ? null : Math.min(...this.due),
      lookMs: this.lookMs,
      meetingMs: this.meetingMs,
    })
  }
}

function rig() {
  const clock = new ManualClock(1_000_000)
  const book = new DueTimes()
  const told = { attended: 0, looks: 0 }
  const scheduler = new Scheduler({
    book,
    queue: {
      attend: () => {
        told.attended++
        return Promise.resolve()
      },
    },
    planner: {
      wake: () => {
        told.looks++
        book.lookMs = null
      },
    },
    clock,
    logger: silentLogger,
  })
  return { clock, book, told, scheduler }
}

test('C1 what is due is started at its millisecond, also between two polls', async () => {
  const { clock, book, told, scheduler } = rig()
  book.due.push(1_000_700, 1_003_333, 1_003_334, 1_059_999)
  scheduler.start()
  await clock.settle()
  await clock.advance(70_000)
  expect(book.started.map(({ dueMs, atMs }) => atMs - dueMs)).toEqual([0, 0, 0, 0])
  expect(told.attended).toBe(4)
  await scheduler.close()
  expect(clock.pending).toBe(0)
})

test('C1 what another process planned is started within the poll, what this one planned at once', async () => {
  const { clock, book, scheduler } = rig()
  scheduler.start()
  await clock.settle()
  await clock.advance(500)
  book.due.push(1_000_600)
  await clock.advance(3_000)
  expect(book.started.map(({ dueMs, atMs }) => atMs - dueMs)).toEqual([1_400])
  book.due.push(1_003_600)
  scheduler.wake()
  await clock.settle()
  await clock.advance(1_000)
  expect(book.started.at(-1)).toEqual({ dueMs: 1_003_600, atMs: 1_003_600 })
  await scheduler.close()
})

test('C1 a clock on the wall that is set forward or back changes nothing for longer than the poll', async () => {
  const { clock, book, scheduler } = rig()
  book.due.push(1_600_000)
  scheduler.start()
  await clock.settle()
  await clock.advance(1_000)
  clock.jumpWall(599_500)
  await clock.advance(2_000)
  expect(book.started).toHaveLength(1)
  book.due.push(1_700_000)
  clock.jumpWall(-3_600_000)
  scheduler.wake()
  await clock.settle()
  await clock.advance(10_000)
  expect(book.started).toHaveLength(1)
  await scheduler.close()
})

test('more than one batch is started in one go', async () => {
  const { clock, book, scheduler } = rig()
  book.due.push(...Array.from({ length: 180 }, () => 1_000_000))
  scheduler.start()
  await clock.settle()
  await clock.settle()
  expect(book.started).toHaveLength(180)
  await scheduler.close()
})

test('C4 a store that is away is asked every half second, and what came due meanwhile is started when it is back', async () => {
  const { clock, book, scheduler } = rig()
  book.isAway = true
  book.due.push(1_000_100)
  scheduler.start()
  await clock.settle()
  await clock.advance(5_000)
  expect(book.asked).toBe(11)
  book.isAway = false
  await clock.advance(500)
  expect(book.started).toEqual([{ dueMs: 1_000_100, atMs: 1_005_500 }])
  await scheduler.close()
})

test('schedules that are due are looked at, meetings that are due are missed or put into the queue, batch by batch', async () => {
  const { clock, book, told, scheduler } = rig()
  book.lookMs = 1_000_900
  book.meetingMs = 1_001_100
  book.outcomes.push('cancelled', 'waiting', ...Array.from({ length: 60 }, () => 'queued' as const))
  scheduler.start()
  await clock.settle()
  await clock.advance(1_000)
  expect([told.looks, told.attended]).toEqual([1, 0])
  await clock.advance(200)
  expect([told.looks, told.attended, book.missedAt]).toEqual([1, 60, [1_001_100]])
  await scheduler.close()
})

test('after its end it starts nothing and waits for nothing', async () => {
  const { clock, book, scheduler } = rig()
  scheduler.start()
  await clock.settle()
  await clock.settle()
  await scheduler.close()
  await scheduler.close()
  book.due.push(1_000_000)
  scheduler.wake()
  await clock.settle()
  await clock.advance(60_000)
  expect([book.started.length, clock.pending]).toEqual([0, 0])
})
