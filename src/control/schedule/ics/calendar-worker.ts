import { parentPort, workerData } from 'node:worker_threads'
import { readCalendar } from './read-calendar.js'
import type { CalendarTask } from './reading.js'

/** The thread that works calendars out: whoever started it ends it when an event takes too long. */
const { ask, firstEvent } = workerData as CalendarTask
readCalendar(ask, firstEvent, (message) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(message)
})
