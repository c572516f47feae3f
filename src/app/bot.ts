import { deferred } from '../core/deferred.js'
import { Scope } from '../core/scope.js'
import type { Settings } from './config/settings.js'
import { currentUsage, memoryBytes, whyFull } from './headroom.js'
import { spread, whyRecycle } from './recycling.js'
import { openOps } from './roles/control.js'
import { groundNotReady, type ProcessParts } from './roles/ground.js'
import { openGroundAndSpeech, openLive, whyFullNow } from './roles/live.js'

/** A process that runs bots for others. */
export interface BotProcess {
  readonly url: string
  readonly describes: { readonly database: string; readonly queue: string; readonly speech: string }
  /** Resolves with the reason when the process should give way to a fresh one; it goes on until `close`. */
  readonly retire: Promise<string>
  /**
   * Takes no more meetings and offers its own to other processes; those that nobody has taken by the deadline are ended. Closes everything.
   * @param hurry aborted: the deadline is now
   */
  close(hurry: AbortSignal): Promise<void>
}

const MEMORY_LOOK_MS = 30_000

/** @throws ConfigError, UpstreamError what could not be opened; everything opened before is closed again */
export async function startBot(settings: Settings, parts: ProcessParts & { readonly rssBytes: () => number }): Promise<BotProcess> {
  const { clock, logger, random, rssBytes } = parts
  const scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  const retire = deferred<string>()
  const policy = spread({ meetings: settings.recycleMeetings, growthMb: settings.recycleMb }, random)
  let meetings = 0
  let firstBytes = 0
  const look = () => {
    const why = whyRecycle(policy, { meetings, growthBytes: (memoryBytes(rssBytes) ?? firstBytes) - firstBytes })
    if (why !== null) retire.resolve(why)
  }
  let isLeaving = false
  try {
    const [ground, speech] = await openGroundAndSpeech(settings, parts, scope)
    const ended = () => {
      meetings++
      look()
    }
    const attendance = await openLive(ground, speech, { whyFull: whyFullNow, ended })
    const notReady = async () => {
      if (isLeaving) return 'this process is stopping'
      return whyFull(currentUsage(rssBytes)) ?? (await groundNotReady(ground))
    }
    const http = await openOps(ground, notReady)
    scope.defer('http', () => http.server.close())
    firstBytes = rssBytes()
    scope.defer('memory watch', clock.every(MEMORY_LOOK_MS, look))

    scope.defer('meetings', async () => {
      attendance.leave('stop')
      await attendance.idle()
    })
    // last: a start that fails before has begun no meeting
    const none = () => Promise.reject(new Error('the steps after a meeting run in other processes'))
    const workers = await ground.jobs.startWorkers(
      { attend: (id, signal) => attendance.attend(id, signal), finalise: none, summarise: none, deliver: none },
      { attendConcurrency: settings.maxMeetings, followUp: false },
    )
    ground.relay.start()

    const drain = async (hurry: AbortSignal) => {
      isLeaving = true
      attendance.leave('handover')
      // every job goes back to the queue, and whoever is free takes it; the bots here hear on until then
      await workers.close(0)
      logger.info({ meetings: attendance.running }, 'meetings are offered to other processes')
      const waiting = new AbortController()
      const deadline = clock.sleep(settings.shutdownSec * 1000, AbortSignal.any([hurry, waiting.signal])).catch(() => undefined)
      await Promise.race([attendance.idle(), deadline])
      waiting.abort()
      if (attendance.running > 0) logger.warn({ meetings: attendance.running }, 'nobody has taken these meetings: they are ended')
      attendance.leave('stop')
      await attendance.idle()
      await scope.close()
    }
    let closing: Promise<void> | undefined
    return {
      url: http.url,
      describes: { ...ground.describes, speech: speech.describes },
      retire: retire.promise,
      close: (hurry) => (closing ??= drain(hurry)),
    }
  } catch (thrown) {
    await scope.close().catch((error: unknown) => logger.error({ err: error }, 'closing after a failed start failed too'))
    throw thrown
  }
}
