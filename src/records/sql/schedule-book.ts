import type { MeetingId, ScheduleId } from '../../core/ids.js'
import type { ScheduleBook } from '../schedules.js'
import { AskedMeetings } from './asked-meetings.js'
import { OccurrenceRows } from './schedule-occurrences.js'
import { ScheduleRows } from './schedule-rows.js'
import type { Sql } from './sql.js'

/**
 * Schedules in SQL: hands each call to the rows it concerns.
 * @param told of meetings whose state is changed here, for listeners of this process
 */
export function scheduleBook(sql: Sql, told: (id: MeetingId) => void): ScheduleBook {
  const asked = new AskedMeetings(sql, told)
  const schedules = new ScheduleRows(sql)
  const occurrences = new OccurrenceRows(sql)
  return {
    create: (request, nowMs) => schedules.create(request, nowMs),
    schedule: (id) => schedules.schedule(id),
    schedules: (filter) => schedules.schedules(filter),
    change: (id, request, nowMs) => schedules.change(id, request, nowMs),
    remove: (id) => schedules.remove(id),
    occurrences: async (id: ScheduleId, nowMs, limit) => {
      await schedules.schedule(id)
      return occurrences.occurrences(id, nowMs, limit)
    },
    saveFeed: (id, feed, nowMs) => schedules.saveFeed(id, feed, nowMs),
    feed: (id) => schedules.feed(id),
    takeLooks: (nowMs, limit, leaseMs) => schedules.takeLooks(nowMs, limit, leaseMs),
    looked: (schedule, outcome) => schedules.looked(schedule, outcome),
    plan: (schedule, plan, nowMs) => occurrences.plan(schedule, plan, nowMs),
    startDue: (nowMs, limit) => occurrences.startDue(nowMs, limit),
    startMeetings: (nowMs, limit) => asked.start(nowMs, limit),
    missMeetings: (nowMs) => asked.miss(nowMs),
    nextDue: (nowMs) => occurrences.nextDue(nowMs),
  }
}
