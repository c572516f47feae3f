import { join } from 'node:path'
import type { MeetingId } from '../core/ids.js'
import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import { loadVoice } from '../live/audio/voice/load.js'
import type { BotDeps } from '../live/bot/bot.js'
import { disposeRoomLibrary } from '../live/room/livekit/open.js'
import { createEvents } from '../observe/events.js'
import type { Logger } from '../observe/logger.js'
import { FinalsFolder } from '../records/finals/finals-folder.js'
import type { MeetingRecord } from '../records/port.js'
import type { OpenStore } from '../records/sql/open.js'
import { Attendance, botOptions } from './attend.js'
import { attendUntil } from './attend-until.js'
import { StoreWatch } from './beat-watch.js'
import type { Settings } from './config/settings.js'
import { makeDataFolder } from './data-folder.js'
import { Follower } from './follow.js'
import { foregroundRequest, foregroundResult, makeOutFolder, type ForegroundResult } from './foreground.js'
import { observerOf, type MeetingWatcher } from './observe.js'
import { tellingPartials } from './partials.js'
import { openRecords } from './records.js'
import { beat } from './roles/live.js'
import { openRoom } from './room.js'
import { openSpeech } from './speech.js'
import { loadTranscript } from './transcripts.js'

/** What `join` tells while it runs. */
export interface JoinOptions {
  readonly room: string
  /** folder for the files at the end; null: none */
  readonly out: string | null
  readonly watcher: MeetingWatcher
  readonly onReady: (speech: string) => void
  /** another process runs the room's meeting: the watcher is told what that one hears */
  readonly onFollow: (id: MeetingId) => void
}

/** What `join` runs on. */
interface JoinParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
}

/**
 * One meeting in the foreground, on the store of the settings, without HTTP and jobs. A meeting of that room that another process runs is
 * followed: its claim is taken only when that process has died.
 * @param signal asks the bot to leave, or ends the following
 * @throws ConfigError, UpstreamError what could not be opened
 */
export async function joinRoom(settings: Settings, options: JoinOptions, parts: JoinParts, signal: AbortSignal): Promise<ForegroundResult> {
  const { logger } = parts
  await using scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  await makeDataFolder(settings.dataDir)
  await makeOutFolder(options.out)
  const records = await openRecords(settings, parts)
  scope.defer('store', () => records.close())
  const speech = await openSpeech(settings, parts)
  scope.defer('speech', () => speech.close())
  scope.defer('room library', () => disposeRoomLibrary())
  const { store } = records
  const finals = new FinalsFolder(join(settings.dataDir, 'finals'), logger)
  await finals.adopt(store)
  let watch = new StoreWatch(null)
  if (records.kind === 'postgres') {
    // before there is a meeting: whoever else looks at it sees that its holder lives
    await records.claims.beat()
    watch = beat({ ...parts, scope, records })
  }
  const room = openRoom(settings, { ...parts, business: createEvents(null) })
  const deps = { ...parts, room, stt: speech.stt, store, finals, detector: await loadVoice() }
  // nothing slow comes between the meeting and its claim: other processes are told of it
  const { id } = await begin(records, options.room, settings.language)
  options.onReady(speech.describes)
  await run({ deps, settings, records, scope, watch, options }, id, signal)
  return foregroundResult(await store.meeting(id), await loadTranscript(store, id), options.out)
}

/** The room's meeting: the one that runs, or a new one. */
async function begin({ kind, store }: OpenStore, room: string, language: string | null): Promise<MeetingRecord> {
  // nobody else works on an embedded store: whoever ran it has died since
  const last = kind === 'embedded' ? await store.lastOf(room) : null
  if (last?.state === 'finalising') await store.finish(last.id)
  return (await store.create(foregroundRequest(room, language))).meeting
}

/** Runs or follows a meeting until it is over, or until the signal. */
async function run(
  {
    deps,
    settings,
    records,
    scope,
    watch,
    options: { watcher, onFollow },
  }: { deps: BotDeps; settings: Settings; records: OpenStore; scope: Scope; watch: StoreWatch; options: JoinOptions },
  id: MeetingId,
  signal: AbortSignal,
): Promise<void> {
  const follower = new Follower(records, id, watcher, scope)
  let isOwn = false
  const attendance = new Attendance({
    deps,
    options: botOptions(settings),
    claims: records.claims,
    watch,
    // what follows a meeting of others is theirs
    queue: { followUp: async (ended) => (isOwn ? records.store.finish(ended) : undefined) },
    observe: () => {
      isOwn = true
      follower.stop()
      return tellingPartials(observerOf(watcher), id, records.partials)
    },
    elsewhere: () => {
      isOwn = false
      onFollow(id)
      follower.start()
    },
  })
  try {
    await attendUntil(attendance, id, signal)
  } finally {
    follower.stop()
    await attendance.idle()
  }
}
