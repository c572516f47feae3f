import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, toError } from '../core/errors.js'
import { receiptView, type ReceiptView } from '../live/transcript/render/receipt.js'
import { renderTranscript, RENDER_FORMATS } from '../live/transcript/render/render.js'
import type { TranscriptDocument } from '../live/transcript/segment.js'
import type { MeetingReason, MeetingRecord, MeetingRequest } from '../records/port.js'

/** How a meeting in the foreground ended. */
export interface ForegroundResult {
  /** null: it goes on without us */
  readonly reason: MeetingReason | null
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

/** A meeting that begins now, of which nothing is told but to whoever looks on. */
export const foregroundRequest = (room: string, language: string | null, vocabulary: readonly string[] = []): MeetingRequest => ({
  room,
  title: null,
  language,
  vocabulary,
  slackChannel: null,
  startAt: null,
  endAt: null,
  botName: null,
})

/** Makes the folder for the files at the end. @throws ConfigError it cannot be made */
export async function makeOutFolder(folder: string | null): Promise<void> {
  if (folder === null) return
  try {
    await mkdir(folder, { recursive: true })
  } catch (thrown) {
    throw new ConfigError([`the folder ${folder} of --out cannot be made: ${toError(thrown).message}`], { cause: thrown })
  }
}

/** Renders what a meeting left. @param out folder for the files, which is there; null: none */
export async function foregroundResult(
  { state, reason }: Pick<MeetingRecord, 'state' | 'reason'>,
  transcript: TranscriptDocument,
  out: string | null,
): Promise<ForegroundResult> {
  const files = await writeFiles(transcript, out)
  const text = renderTranscript(transcript, 'txt')
  const json = renderTranscript(transcript, 'json')
  return { reason, failed: state === 'failed', transcript, text, json, receipt: receiptView(transcript), files }
}

async function writeFiles(transcript: TranscriptDocument, folder: string | null): Promise<readonly string[]> {
  if (folder === null) return []
  const files: string[] = []
  for (const format of RENDER_FORMATS) {
    const path = join(folder, `transcript.${format}`)
    await writeFile(path, renderTranscript(transcript, format))
    files.push(path)
  }
  return files
}
