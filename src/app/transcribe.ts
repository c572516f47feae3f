import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../core/errors.js'
import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import { loadVoice } from '../live/audio/voice/load.js'
import type { BotOptions } from '../live/bot/bot.js'
import { RecordedRoom, type RecordedSource } from '../live/room/recording/recorded-room.js'
import { RecordingClock } from '../live/room/recording/recording-clock.js'
import { watchLag } from '../live/stt/lag.js'
import type { TranscriptDocument } from '../live/transcript/segment.js'
import { withGaps } from '../live/transcript/whole.js'
import type { Logger } from '../observe/logger.js'
import { Attendance, botOptions } from './attend.js'
import { attendUntil } from './attend-until.js'
import { StoreWatch } from './beat-watch.js'
import type { Settings } from './config/settings.js'
import { foregroundRequest, foregroundResult, makeOutFolder, type ForegroundResult } from './foreground.js'
import { observerOf, type MeetingWatcher } from './observe.js'
import { recordingTitle } from './recording-names.js'
import { defaultSpeed } from './recording-speed.js'
import { openRecordings } from './recordings.js'
import { openRecords } from './records.js'
import { openSpeech, speechServiceOf } from './speech.js'
import { loadTranscript } from './transcripts.js'

/** What to transcribe, and whom to tell. */
export interface TranscribeOptions {
  readonly paths: readonly string[]
  /** of everybody, in the order of files and channels; null: after the files */
  readonly names: readonly string[] | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  /** multiple of real time; null: as fast as is known to be right */
  readonly speed: number | null
  /** folder for the files at the end; null: none */
  readonly out: string | null
  readonly watcher: MeetingWatcher
  /** something that the user may want to know */
  readonly note: (text: string) => void
  readonly onReady: (ready: { readonly people: number; readonly lengthMs: number; readonly speed: number; readonly speech: string }) => void
  /** `isHeld`: the speech service does not keep up, and is waited for */
  readonly progress: (playedMs: number, isHeld: boolean) => void
}

/** How it ended. */
export interface TranscribeResult extends ForegroundResult {
  readonly speed: number
  /** ms of the longest recording; what was played of it */
  readonly lengthMs: number
  readonly playedMs: number
}

/**
 * Recordings as one meeting, which begins with all of them at once, on a store of its own that goes when it is over: another roomscribe may use
 * the data folder meanwhile, and nothing is kept but what is returned and written.
 * @param settings right but for `problems`, which are told with those of the files
 * @param signal ends it with what there is
 * @throws ConfigError every problem of settings and files at once, before anything is sent; UpstreamError what could not be opened
 */
export async function transcribe(
  { settings, problems }: { readonly settings: Settings; readonly problems: readonly string[] },
  options: TranscribeOptions,
  parts: { readonly clock: Clock; readonly logger: Logger; readonly random: () => number },
  signal: AbortSignal,
): Promise<TranscribeResult> {
  const { logger, clock: real } = parts
  await using scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  const dataDir = await mkdtemp(join(tmpdir(), 'roomscribe-transcribe-'))
  scope.defer('data folder', () => rm(dataDir, { recursive: true, force: true }))
  const sources = await open(problems, options, dataDir, signal)
  scope.defer('recordings', async () => {
    for (const { recording } of sources) await recording.close()
  })
  const own = { ...settings, dataDir, databaseUrl: null }
  const records = await openRecords(own, parts)
  scope.defer('store', () => records.close())
  const { store } = records
  const speech = await openSpeech(own, parts)
  scope.defer('speech', () => speech.close())
  const lag = watchLag(speech.stt)
  const clock = new RecordingClock(real)
  scope.defer('clock', () => clock.close())
  const speed = options.speed ?? defaultSpeed(speechServiceOf(settings) === null)
  const lengthMs = Math.max(...sources.map(({ recording }) => recording.lengthMs))
  const people = sources.reduce((sum, source) => sum + source.people.length, 0)
  let playedMs = 0
  const room = new RecordedRoom({
    sources,
    clock,
    real,
    speed,
    lagMs: () => lag.lagMs(),
    progress: (ms, isHeld) => {
      playedMs = Math.min(ms, lengthMs)
      options.progress(playedMs, isHeld)
    },
    failed: (error) => options.watcher.error?.(error),
  })
  const { language, vocabulary } = options
  const { meeting } = await store.create(foregroundRequest(recordingTitle(options.paths), language ?? settings.language, vocabulary))
  const { id } = meeting
  options.onReady({ people, lengthMs, speed, speech: speech.describes })
  const attendance = new Attendance({
    deps: { ...parts, clock, room, stt: lag.stt, store, detector: await loadVoice() },
    options: recordingOptions(settings, people),
    claims: records.claims,
    watch: new StoreWatch(null),
    queue: { followUp: (ended) => store.finish(ended) },
    observe: () => observerOf(options.watcher),
  })
  try {
    await attendUntil(attendance, id, signal)
  } finally {
    await attendance.idle()
  }
  const stored = await loadTranscript(store, id)
  // when it was said, a file does not tell
  const transcript = withUnplayed({ ...stored, startedAt: null }, room)
  const result = await foregroundResult(await store.meeting(id), transcript, options.out)
  return { ...result, speed, lengthMs, playedMs }
}

async function open(
  problems: readonly string[],
  options: TranscribeOptions,
  folder: string,
  signal: AbortSignal,
): Promise<readonly RecordedSource[]> {
  const { paths, names, note, out } = options
  const all = [...problems]
  const collect = (thrown: unknown) => {
    if (!(thrown instanceof ConfigError)) throw thrown
    all.push(...thrown.problems)
  }
  await makeOutFolder(out).catch(collect)
  const sources = (await openRecordings({ paths, names, folder, signal, note }).catch(collect)) ?? []
  if (all.length === 0) return sources
  for (const { recording } of sources) await recording.close()
  throw new ConfigError(all)
}

/** It ends with the last file, however long that is, and nobody comes later, for whom there would have to be a channel. */
function recordingOptions(settings: Settings, people: number): BotOptions {
  const options = botOptions(settings)
  const channels = { ...options.channels, max: Math.min(options.channels.max, people) }
  return { ...options, channels, captions: false, policy: { ...options.policy, aloneMs: 0, tooLongMs: Number.MAX_SAFE_INTEGER } }
}

/** What was not played is missing, and says so. */
function withUnplayed(transcript: TranscriptDocument, room: RecordedRoom): TranscriptDocument {
  const gaps = room.unplayed().map(({ identity, fromMs, toMs }) => ({
    identity,
    fromMs: Math.floor(fromMs),
    toMs: Math.ceil(toMs),
    reason: 'not_received' as const,
  }))
  if (gaps.length === 0) return transcript
  const names = new Map(transcript.coverage.map(({ identity, name }) => [identity, name]))
  const { rows, complete, doubts } = withGaps({ ...transcript, rows: transcript.coverage }, { gaps, names })
  return { ...transcript, coverage: rows, complete, doubts }
}
