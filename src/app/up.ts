import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import type { Workers } from '../followup/jobs/workers.js'
import type { JobQueue } from '../followup/port.js'
import type { MeetingObserver } from '../live/bot/bot.js'
import type { MeetingRecord, MeetingStore } from '../records/port.js'
import type { Settings } from './config/settings.js'
import { openControl } from './roles/control.js'
import { createFollowUp } from './roles/followup.js'
import type { ProcessParts } from './roles/ground.js'
import { openGroundAndSpeech, openLive, whyFullNow } from './roles/live.js'

/** Everything in one process. */
export interface Up {
  readonly url: string
  readonly port: number
  /** the bearer key that the API takes */
  readonly apiKey: string
  readonly store: MeetingStore
  readonly queue: JobQueue
  /** for banners: which parts are in use */
  readonly describes: { readonly database: string; readonly queue: string; readonly speech: string; readonly slack: string }
  /**
   * Takes nothing new, ends running meetings and waits for what follows them until the deadline, closes everything. May be called twice.
   * @param hurry aborted: meetings still end in order, what follows them waits for the next start
   */
  close(hurry?: AbortSignal): Promise<void>
}

const DRAIN_GRACE_MS = 30_000
/** Beside the last texts: what an earlier bot left (10 s), results (15 s), a store that is away (30 s). The store closes after it. */
const END_GRACE_MS = 60_000

/**
 * Starts control plane, live plane and jobs in this process, on embedded defaults or on what the settings name.
 * @param parts `observe`: makes the watcher of a meeting; `whyFull`: why nothing new is begun now, or null; absent: as the system says
 * @throws ConfigError, UpstreamError what could not be opened, in one sentence; everything opened before is closed again
 */
export async function startUp(
  settings: Settings,
  parts: ProcessParts & { readonly observe?: (meeting: MeetingRecord) => MeetingObserver; readonly whyFull?: () => string | null },
): Promise<Up> {
  const { clock, logger, observe, whyFull = whyFullNow } = parts
  const scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  let hurry = new AbortController().signal
  try {
    const [ground, speech] = await openGroundAndSpeech(settings, parts, scope)
    const attendance = await openLive(ground, speech, { whyFull, ...(observe === undefined ? {} : { observe }) })
    const followUp = createFollowUp(ground)
    const http = await openControl(ground, whyFull)
    const { queue } = ground.jobs
    let workers: Workers | null = null
    // closed in reverse: no new requests, then the meetings and what follows them, then what they rest on
    scope.defer('workers', async () => {
      const deadlineMs = clock.monotonicMs() + settings.drainSec * 1000 + DRAIN_GRACE_MS
      attendance.leave('stop')
      await untilIdle(() => Promise.resolve(attendance.running === 0), clock, deadlineMs + END_GRACE_MS - DRAIN_GRACE_MS)
      // the start failed: nothing follows here
      if (workers === null) return
      await untilIdle(() => isFollowedUp(queue), clock, deadlineMs, hurry)
      await workers.close(DRAIN_GRACE_MS, hurry)
    })
    scope.defer('http', () => http.server.close())
    // last: a start that fails before has begun no meeting
    workers = await ground.jobs.startWorkers(
      { ...followUp.handlers, attend: (id, signal) => attendance.attend(id, signal) },
      { attendConcurrency: settings.maxMeetings },
    )
    ground.relay.start()
    return {
      url: http.url,
      port: http.server.port,
      apiKey: http.apiKey,
      store: ground.records.store,
      queue,
      describes: { ...ground.describes, speech: speech.describes, slack: followUp.describes },
      close: (given = hurry) => {
        hurry = given
        return scope.close()
      },
    }
  } catch (thrown) {
    await scope.close().catch((error: unknown) => logger.error({ err: error }, 'closing after a failed start failed too'))
    throw thrown
  }
}

const BUSY = ['active', 'waiting', 'waiting-children', 'prioritized']
const IDLE_POLL_MS = 100

async function untilIdle(isIdle: () => Promise<boolean>, clock: Clock, deadlineMs: number, hurry?: AbortSignal): Promise<void> {
  const isTime = () => hurry?.aborted === true || clock.monotonicMs() >= deadlineMs
  while (!isTime() && !(await isIdle())) await clock.sleep(IDLE_POLL_MS)
}

/** Meetings that were stopped still have to be summarised and posted; what is not done by the deadline waits for the next start. */
async function isFollowedUp(queue: JobQueue): Promise<boolean> {
  const counts = await queue.counts().catch(() => null)
  if (counts === null) return true
  return !Object.entries(counts).some(
    ([name, count]) => count > 0 && name.startsWith('followup.') && BUSY.some((state) => name.endsWith(`.${state}`)),
  )
}
