import { z } from 'zod'
import { decodeRecords, encodeRecord } from '../../core/checked-records.js'
import type { Gap, Span } from '../../live/audio/span.js'
import type { Segment } from '../../live/transcript/segment.js'
import type { FinalsBatch, SessionRecord } from '../port.js'

const VERSION = 1

const word = z.object({ text: z.string(), startMs: z.number(), endMs: z.number(), confidence: z.number() })
const segment = z.object({
  id: z.string(),
  identity: z.string().nullable(),
  startMs: z.number(),
  endMs: z.number(),
  text: z.string(),
  words: z.array(word),
  language: z.string().nullable(),
  confidence: z.number(),
  sessionId: z.string(),
  channel: z.int(),
  utteranceId: z.string(),
  part: z.int(),
})
const span = z.object({
  sessionId: z.string(),
  channel: z.int(),
  fromFrame: z.number(),
  toFrame: z.number(),
  trackKey: z.string(),
  identity: z.string(),
  meetingMs: z.number(),
})
const gap = z.object({ identity: z.string(), fromMs: z.number(), toMs: z.number(), reason: z.string() })
const pendingText = z.object({ identity: z.string(), fromMs: z.number(), toMs: z.number() })
const session = z.object({
  sessionId: z.string(),
  vendorId: z.string().nullable(),
  channels: z.int(),
  sampleRate: z.int(),
  sentFrames: z.number(),
  acknowledgedFrames: z.number(),
  endReason: z.string().nullable(),
  pendingTexts: z.array(pendingText).optional(),
})
const schema = z.object({
  version: z.literal(VERSION),
  segments: z.array(segment),
  spans: z.array(span),
  // texts are not to be lost over them
  gaps: z.array(gap).optional().catch(undefined),
  sessions: z.array(session).optional().catch(undefined),
})

/** One record of the log. */
export function encodeBatch({ segments, spans, gaps, sessions }: FinalsBatch): Buffer {
  return encodeRecord(Buffer.from(JSON.stringify({ version: VERSION, segments, spans, gaps, sessions })))
}

/** What a log's bytes hold. */
export interface DecodedLog {
  /** in the order of writing, joined into batches of at least `joinSegments`, but for the last */
  readonly batches: readonly FinalsBatch[]
  /** up to here the file is whole; what follows was torn by the end of the process, or has changed since */
  readonly goodBytes: number
  /** whole records that are none of ours, or of another version */
  readonly foreign: number
}

/** Reads a log as far as it is whole. */
export function decodeLog(bytes: Buffer, joinSegments: number): DecodedLog {
  const { payloads, goodBytes } = decodeRecords(bytes)
  const batches: { segments: Segment[]; spans: Span[]; gaps?: readonly Gap[]; sessions?: readonly SessionRecord[] }[] = []
  let foreign = 0
  for (const payload of payloads) {
    const batch = parse(payload)
    if (batch === null) {
      foreign++
      continue
    }
    const last = batches.at(-1)
    if (last && last.segments.length < joinSegments) {
      last.segments.push(...batch.segments)
      last.spans.push(...batch.spans)
      if (batch.gaps) last.gaps = [...(last.gaps ?? []), ...batch.gaps]
      if (batch.sessions) last.sessions = newest([...(last.sessions ?? []), ...batch.sessions])
    } else batches.push({ ...batch, segments: [...batch.segments], spans: [...batch.spans] })
  }
  return { batches, goodBytes, foreign }
}

/** The last version of each session. */
function newest(sessions: readonly SessionRecord[]): readonly SessionRecord[] {
  return [...new Map(sessions.map((session) => [session.sessionId, session])).values()]
}

/** The beginning of a log. */
interface DecodedPart {
  readonly batches: readonly FinalsBatch[]
  /** how many bytes they take; 0: not one whole record */
  readonly bytes: number
  /** whole records among them that are none of ours */
  readonly foreign: number
}

/** Reads the first batches of some bytes, at most about so many segments. */
export function decodeSome(bytes: Buffer, segments: number): DecodedPart {
  const batches: FinalsBatch[] = []
  let foreign = 0
  let found = 0
  let end = 0
  for (const payload of decodeRecords(bytes).payloads) {
    if (found >= segments) break
    end = payload.byteOffset - bytes.byteOffset + payload.length
    const batch = parse(payload)
    if (batch === null) {
      foreign++
      continue
    }
    batches.push(batch)
    found += Math.max(1, batch.segments.length)
  }
  return { batches, bytes: end, foreign }
}

function parse(payload: Buffer): FinalsBatch | null {
  let value: unknown
  try {
    value = JSON.parse(payload.toString('utf8'))
  } catch {
    return null
  }
  const parsed = schema.safeParse(value)
  // ids are branded strings: what was written with them comes back as it was
  if (!parsed.success) return null
  const { version: _, ...batch } = parsed.data
  return batch as unknown as FinalsBatch
}
