import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import { loadVoice } from '../live/audio/voice/load.js'
import { MeetingBot } from '../live/bot/meeting-bot.js'
import { disposeRoomLibrary } from '../live/room/livekit/open.js'
import { receiptView, type ReceiptView } from '../live/transcript/render/receipt.js'
import { renderTranscript, RENDER_FORMATS } from '../live/transcript/render/render.js'
import type { TranscriptDocument } from '../live/transcript/segment.js'
import { createEvents } from '../observe/events.js'
import type { Logger } from '../observe/logger.js'
import type { MeetingReason } from '../records/port.js'
import { botOptions } from './attend.js'
import type { Settings } from './config/settings.js'
import { observerOf, type MeetingWatcher } from './observe.js'
import { openRecords } from './records.js'
import { openRoom } from './room.js'
import { openSpeech } from './speech.js'
import { loadTranscript } from './transcripts.js'

/** How a meeting in the foreground ended. */
export interface JoinResult {
  readonly reason: MeetingReason
  readonly failed: boolean
  readonly transcript: TranscriptDocument
  readonly text: string
  /** the document of format json */
  readonly json: string
  /** what became of everybody's voice, and the price */
  readonly receipt: ReceiptView
  /** files written, when a folder was given */
  readonly files: readonly string[]
}

/**
 * One meeting in the foreground, on the store of the settings, without HTTP and jobs.
 * @param signal asks the bot to leave
 * @throws ConfigError, UpstreamError what could not be opened
 */
export async function joinRoom(
  settings: Settings,
  options: { room: string; out: string | null; watcher: MeetingWatcher; onReady: (speech: string) => void },
  parts: { clock: Clock; logger: Logger; random: () => number },
  signal: AbortSignal,
): Promise<JoinResult> {
  const { clock, logger, random } = parts
  await using scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  await mkdir(settings.dataDir, { recursive: true })
  if (options.out !== null) await mkdir(options.out, { recursive: true })
  const records = await openRecords(settings, { clock, logger })
  scope.defer('store', () => records.close())
  const speech = await openSpeech(settings, { clock, logger, random })
  scope.defer('speech', () => speech.close())
  scope.defer('room library', () => disposeRoomLibrary())
  const { store } = records
  const room = openRoom(settings, { clock, logger, business: createEvents(null) })
  const { meeting } = await store.create({
    room: options.room,
    title: null,
    language: settings.language,
    vocabulary: [],
    slackChannel: null,
    startAt: null,
    endAt: null,
    botName: null,
  })
  const claim = await store.claim(meeting.id)
  options.onReady(speech.describes)
  const deps = { room, stt: speech.stt, store, clock, logger, random, detector: await loadVoice() }
  const outcome = await new MeetingBot(deps, botOptions(settings), meeting, claim, observerOf(options.watcher)).run(signal)
  if (!outcome.failed) await store.finish(meeting.id)
  const transcript = await loadTranscript(store, meeting.id)
  const files: string[] = []
  if (options.out !== null) {
    for (const format of RENDER_FORMATS) {
      const path = join(options.out, `transcript.${format}`)
      await writeFile(path, renderTranscript(transcript, format))
      files.push(path)
    }
  }
  const text = renderTranscript(transcript, 'txt')
  const json = renderTranscript(transcript, 'json')
  return { reason: outcome.reason, failed: outcome.failed, transcript, text, json, receipt: receiptView(transcript), files }
}
