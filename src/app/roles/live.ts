import { join } from 'node:path'
import { toError } from '../../core/errors.js'
import { loadVoice } from '../../live/audio/voice/load.js'
import type { MeetingObserver } from '../../live/bot/bot.js'
import { disposeRoomLibrary } from '../../live/room/livekit/open.js'
import { FinalsFolder } from '../../records/finals/finals-folder.js'
import type { MeetingRecord } from '../../records/port.js'
import { Attendance, botOptions } from '../attend.js'
import { BEAT_MS } from '../beat-watch.js'
import { currentUsage, whyFull } from '../headroom.js'
import { openRoom } from '../room.js'
import { openSpeech } from '../speech.js'
import type { Ground } from './ground.js'

/** The live plane of a process. */
export interface Live {
  readonly attendance: Attendance
  /** for banners: who recognises speech */
  readonly describes: string
}

/**
 * Builds what runs bots: the room library, the recogniser, the log of finals, the signs of life.
 * @param ended told of each meeting that has ended here
 * @throws UpstreamError, RoomscribeError the recogniser did not start
 */
export async function openLive(
  ground: Ground,
  options: { readonly observe?: (meeting: MeetingRecord) => MeetingObserver; readonly ended?: () => void } = {},
): Promise<Live> {
  const { settings, scope, records, relay, business, clock, logger, random } = ground
  const { store, claims } = records
  const speech = await openSpeech(settings, { clock, logger, random })
  scope.defer('speech', () => speech.close())
  scope.defer('room library', () => disposeRoomLibrary())
  const room = openRoom(settings, { clock, logger, business })
  const finals = new FinalsFolder(join(settings.dataDir, 'finals'), logger)
  await finals.adopt(store)
  if (records.kind === 'postgres') beat(ground)
  const attendance = new Attendance({
    deps: { room, stt: speech.stt, store, finals, clock, logger, random, detector: await loadVoice(), business },
    options: botOptions(settings),
    claims,
    queue: relay,
    observe: options.observe ?? (() => ({})),
    whyFull: () => whyFull(currentUsage(process.memoryUsage.rss())),
    ...(options.ended === undefined ? {} : { ended: options.ended }),
  })
  return { attendance, describes: speech.describes }
}

/** Signs of life until the scope closes, one at a time. An embedded database is nobody else's: nobody would look. */
function beat({ scope, records, clock, logger }: Ground): void {
  let isBeating = false
  const stop = clock.every(BEAT_MS, () => {
    if (isBeating) return
    isBeating = true
    records.claims
      .beat()
      .catch((thrown: unknown) => logger.warn({ err: toError(thrown) }, 'sign of life could not be given'))
      .finally(() => {
        isBeating = false
      })
  })
  scope.defer('signs of life', async () => {
    stop()
    await records.claims.leave()
  })
}
