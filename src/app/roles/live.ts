import { join } from 'node:path'
import { toError } from '../../core/errors.js'
import { loadVoice } from '../../live/audio/voice/load.js'
import type { MeetingObserver } from '../../live/bot/bot.js'
import type { SttPort } from '../../live/stt/port.js'
import { disposeRoomLibrary } from '../../live/room/livekit/open.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import { FinalsFolder } from '../../records/finals/finals-folder.js'
import { tellingPartials } from '../partials.js'
import type { MeetingRecord } from '../../records/port.js'
import { Scope } from '../../core/scope.js'
import type { Settings } from '../config/settings.js'
import { Attendance, botOptions } from '../attend.js'
import { sendLeftAudio } from '../late-audio.js'
import { BEAT_MS, StoreWatch } from '../beat-watch.js'
import { currentUsage, whyFull } from '../headroom.js'
import { openRoom } from '../room.js'
import { openSpeech, type Speech } from '../speech.js'
import { openGround, type Ground, type ProcessParts } from './ground.js'

/**
 * Opens the ground and the recogniser side by side: the first start of the embedded database takes seconds, and so does loading a recogniser.
 * @param scope closes them again, also when this fails
 * @throws what `openGround` throws; UpstreamError, RoomscribeError the recogniser did not start
 */
export async function openGroundAndSpeech(settings: Settings, parts: ProcessParts, scope: Scope): Promise<[Ground, Speech]> {
  const [ground, speech] = await Promise.allSettled([openGround(settings, parts, scope), openSpeech(settings, parts)])
  if (speech.status === 'fulfilled') scope.defer('speech', () => speech.value.close())
  if (ground.status === 'rejected') throw ground.reason
  if (speech.status === 'rejected') throw speech.reason
  return [ground.value, speech.value]
}

/** Why this process begins nothing new now, as its open files, threads and memory say; null: there is room. */
export const whyFullNow = (): string | null => whyFull(currentUsage(() => process.memoryUsage.rss()))

/**
 * Builds what runs bots: the room library, the log of finals, the signs of life.
 * @param options `whyFull`: why nothing new is begun here now, or null; `ended`: told of each meeting that has ended here
 */
export async function openLive(
  ground: Ground,
  { stt }: Speech,
  options: {
    readonly whyFull: () => string | null
    readonly observe?: (meeting: MeetingRecord) => MeetingObserver
    readonly ended?: () => void
  },
): Promise<Attendance> {
  const { settings, scope, records, relay, business, clock, logger, random } = ground
  const { store, claims } = records
  ground.metrics.meetingsCapacity.set(settings.maxMeetings)
  scope.defer('room library', () => disposeRoomLibrary())
  const room = openRoom(settings, { clock, logger, business })
  const finals = new FinalsFolder(join(settings.dataDir, 'finals'), logger)
  await finals.adopt(store)
  const watch = records.kind === 'postgres' ? beat(ground) : new StoreWatch(null)
  lateAudio(ground, stt)
  return new Attendance({
    deps: { room, stt, store, finals, clock, logger, random, detector: await loadVoice(), business },
    options: botOptions(settings),
    claims,
    queue: relay,
    observe: (meeting) => tellingPartials(options.observe?.(meeting) ?? {}, meeting.id, records.partials),
    places: settings.stt === 'gladia' ? settings.maxSessions : null,
    whyFull: options.whyFull,
    watch,
    ...(options.ended === undefined ? {} : { ended: options.ended }),
  })
}

/** What dead processes left on this disk of meetings that are not this process's to go on with. */
function lateAudio({ scope, settings, records, clock, random, logger, business }: Ground, stt: SttPort): void {
  const stop = new AbortController()
  const work = new Scope((name, error) => logger.error({ err: error, work: name }, 'audio left on this disk cannot be sent'))
  const { store, claims } = records
  const parts = { store, claims, stt, clock, random, logger, business, scope: work, drainMs: botOptions(settings).drainMs }
  const sent = sendLeftAudio(parts, stop.signal).catch((thrown: unknown) => {
    logger.error({ err: toError(thrown) }, 'audio left on this disk cannot be looked for')
  })
  scope.defer('late audio', async () => {
    stop.abort(new Error('the process ends'))
    await sent
    await work.close()
  })
}

/**
 * Signs of life until the scope closes, one at a time. An embedded database is nobody else's: nobody would look.
 * @returns what they tell of the store
 */
export function beat({
  scope,
  records,
  clock,
  logger,
}: Pick<Ground, 'scope' | 'clock' | 'logger'> & { readonly records: Pick<Ground['records'], 'claims'> }): StoreWatch {
  const watch = new StoreWatch(clock.monotonicMs())
  let isBeating = false
  // 120 a minute would hide everything else
  const fault = new LastingFault(
    { clock, logger },
    {
      failed: 'sign of life could not be given',
      lasts: 'no sign of life could be given for a minute: the database is away',
      over: 'signs of life are given again',
    },
  )
  const stop = clock.every(BEAT_MS, () => {
    if (isBeating) return
    isBeating = true
    records.claims
      .beat()
      .then(() => {
        fault.worked()
        watch.answered(clock.monotonicMs())
      })
      .catch((thrown: unknown) => fault.failed(thrown))
      .finally(() => {
        isBeating = false
      })
  })
  scope.defer('signs of life', async () => {
    stop()
    // whoever watches learns it from the silence
    await records.claims.leave().catch((thrown: unknown) => logger.warn({ err: toError(thrown) }, 'good-bye could not be said'))
  })
  return watch
}
