import { ScheduleDesk } from '../../control/schedule/desk.js'
import type { DraftingParts } from '../../control/schedule/drafting.js'
import { GuardedFetch } from '../../control/schedule/guarded-fetch.js'
import { CalendarReader } from '../../control/schedule/ics/calendar-reader.js'
import { Planner } from '../../control/schedule/planner.js'
import { defaultRoomPattern } from '../../control/schedule/room-pattern.js'
import { Scheduler } from '../../control/schedule/scheduler.js'
import type { Ground } from './ground.js'

/** Schedules in this process. */
export interface Schedules {
  /** what the API works with */
  readonly desk: ScheduleDesk
  /** Begins with what is due. */
  start(): void
  /** Starts nothing new, ends what is under way. May be called twice. */
  close(): Promise<void>
}

/** Builds what plans and starts scheduled meetings. Nothing runs before `start()`. */
export function openSchedules({ settings, records, relay, clock, logger, random }: Ground): Schedules {
  const { schedules: book, store } = records
  const reader = new CalendarReader(clock)
  const fetch = new GuardedFetch({ clock, privateHosts: settings.feedHosts.map((host) => host.toLowerCase()) })
  const drafting: DraftingParts = {
    reader,
    patterns: settings.roomPatterns.length > 0 ? settings.roomPatterns : [defaultRoomPattern(settings.meetingHosts)],
    defaultLanguage: settings.language,
  }
  const planner = new Planner({
    ...drafting,
    book,
    meetings: store,
    fetch,
    clock,
    logger,
    random,
    pollMs: settings.feedPollSec * 1000,
    onPlanned: () => scheduler.wake(),
  })
  const scheduler = new Scheduler({ book, queue: relay, planner, clock, logger })
  return {
    desk: new ScheduleDesk({ ...drafting, book, planner, fetch, clock, defaultLeadSec: settings.leadSec }),
    start: () => scheduler.start(),
    close: async () => {
      await scheduler.close()
      await Promise.all([planner.close(), reader.close(), fetch.close()])
    },
  }
}
