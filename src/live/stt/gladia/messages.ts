import { z } from 'zod'

/** A transcript as the service said it: strings untrimmed, times in seconds of its stream; a time or confidence may be NaN, a channel that is missing or no whole number is -1. */
export interface RawUtterance {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly channel: number
  readonly language: string | null
  readonly confidence: number
  readonly words: readonly RawWord[]
}
export interface RawWord {
  readonly word: string
  readonly start: number
  readonly end: number
  readonly confidence: number
}

/** A message from the socket, sorted. */
export type Inbound =
  /** `range` in bytes; null when the chunk was refused */
  | { readonly kind: 'chunk_ack'; readonly range: readonly [number, number] }
  | { readonly kind: 'chunk_refused'; readonly status: number | null; readonly message: string }
  /** a refused stop ("already stopped") is an answer too */
  | { readonly kind: 'stop_ack'; readonly durationSec: number | null }
  | { readonly kind: 'transcript'; readonly id: string; readonly isFinal: boolean; readonly utterance: RawUtterance }
  | { readonly kind: 'end_session' }
  | { readonly kind: 'error'; readonly message: string }
  /** a type that we have no use for: normal */
  | { readonly kind: 'other'; readonly type: string }
  /** to be counted and dropped; `why` names no content */
  | { readonly kind: 'malformed'; readonly why: string }

const MAX_WORDS = 5000
const MAX_TEXT = 100_000

// one wrong number must not cost the text: it becomes NaN and is clamped where times are converted
const looseNumber = z.number().catch(Number.NaN)
const text = z.string().max(MAX_TEXT)
const wordSchema = z.object({ word: text, start: looseNumber, end: looseNumber, confidence: looseNumber })

const wordsSchema = z
  .array(z.unknown())
  .max(MAX_WORDS)
  .catch([])
  .transform((words) =>
    words.flatMap((word) => {
      const parsed = wordSchema.safeParse(word)
      return parsed.success ? [parsed.data] : []
    }),
  )

/** An utterance of the socket and of the result. */
export const utteranceSchema = z.object({
  text,
  start: looseNumber,
  end: looseNumber,
  // no channel is a channel that nobody has; what is none, the store refuses with all that comes with it
  channel: z.int32().catch(-1),
  language: z.string().max(35).nullable().catch(null),
  confidence: looseNumber,
  words: wordsSchema,
})

const typeSchema = z.object({ type: z.string().max(100) })
const failureSchema = z
  .object({ status_code: z.number().nullish().catch(null), message: z.string().nullish().catch(null) })
  .nullish()
  .catch(null)
const chunkSchema = z.object({
  acknowledged: z.boolean(),
  error: failureSchema,
  data: z
    .object({ byte_range: z.tuple([z.number().int(), z.number().int()]) })
    .nullish()
    .catch(null),
})
const stopSchema = z.object({
  acknowledged: z.boolean(),
  data: z
    .object({ recording_duration: z.number().nullish().catch(null) })
    .nullish()
    .catch(null),
})
const transcriptSchema = z.object({
  data: z.object({
    id: z.union([z.string().min(1).max(200), z.number().transform(String)]),
    is_final: z.boolean(),
    utterance: utteranceSchema,
  }),
})
const detail = z
  .object({ message: z.string().nullish().catch(null), code: z.union([z.string(), z.number()]).nullish().catch(null) })
  .nullish()
  .catch(null)
const errorSchema = z.object({ data: detail, error: detail, message: z.string().nullish().catch(null) })

const malformed = (why: string): Inbound => ({ kind: 'malformed', why })

/** Parses one text message; never throws, whatever it is given. */
export function parseMessage(raw: string, maxBytes: number): Inbound {
  if (raw.length > maxBytes) return malformed('too long')
  let json: unknown
  try {
    json = JSON.parse(raw)
  } catch {
    return malformed('not json')
  }
  const head = typeSchema.safeParse(json)
  if (!head.success) return malformed('no type')
  switch (head.data.type) {
    case 'audio_chunk':
      return parseChunk(json)
    case 'stop_recording': {
      const parsed = stopSchema.safeParse(json)
      return parsed.success ? { kind: 'stop_ack', durationSec: parsed.data.data?.recording_duration ?? null } : malformed('stop_recording')
    }
    case 'transcript': {
      const parsed = transcriptSchema.safeParse(json)
      if (!parsed.success) return malformed('transcript')
      const { id, is_final: isFinal, utterance } = parsed.data.data
      return { kind: 'transcript', id, isFinal, utterance }
    }
    case 'end_session':
      return { kind: 'end_session' }
    case 'error': {
      const parsed = errorSchema.safeParse(json)
      if (!parsed.success) return malformed('error')
      const { data, error, message } = parsed.data
      const said = [data?.code ?? error?.code, data?.message ?? error?.message ?? message].filter(
        (part) => part !== null && part !== undefined,
      )
      return { kind: 'error', message: said.join(': ').slice(0, 500) }
    }
    default:
      return { kind: 'other', type: head.data.type }
  }
}

function parseChunk(json: unknown): Inbound {
  const parsed = chunkSchema.safeParse(json)
  if (!parsed.success) return malformed('audio_chunk')
  const { acknowledged, error, data } = parsed.data
  if (!acknowledged) return { kind: 'chunk_refused', status: error?.status_code ?? null, message: (error?.message ?? '').slice(0, 500) }
  return data ? { kind: 'chunk_ack', range: data.byte_range } : malformed('acknowledged without a range')
}

const createdSchema = z.object({ id: z.string().min(1).max(200), url: z.string().min(1).max(4096) })

/** The answer to the creation of a session, or null. */
export function parseCreated(body: unknown): { readonly id: string; readonly url: string } | null {
  const parsed = createdSchema.safeParse(body)
  return parsed.success ? parsed.data : null
}

const apiErrorSchema = z.object({
  message: z.unknown().optional(),
  validation_errors: z.array(z.unknown()).max(100).nullish().catch(null),
})

/** What an error body says, in one line; empty when it says nothing. */
export function parseApiError(body: unknown): string {
  const parsed = apiErrorSchema.safeParse(body)
  if (!parsed.success) return ''
  const { message, validation_errors: errors } = parsed.data
  const parts = [message, ...(errors ?? [])].flatMap((part) =>
    part === undefined || part === null ? [] : [typeof part === 'string' ? part : JSON.stringify(part)],
  )
  return parts.join('; ').slice(0, 1000)
}

const resultSchema = z.object({
  status: z.string(),
  result: z
    .object({
      metadata: z.object({ audio_duration: looseNumber }).nullish().catch(null),
      transcription: z
        .object({ utterances: z.array(z.unknown()).catch([]) })
        .nullish()
        .catch(null),
    })
    .nullish()
    .catch(null),
})
const idSchema = z.object({ id: z.union([z.string().min(1).max(200), z.number().transform(String)]) })

/** A finished session as the service keeps it. */
export interface RawResult {
  readonly status: 'queued' | 'processing' | 'done' | 'error'
  /** seconds of audio that the service had; null when it does not say */
  readonly audioDurationSec: number | null
  /** null when there is no transcription in it; `id` is not promised by the documentation */
  readonly utterances: readonly { readonly id: string | null; readonly utterance: RawUtterance }[] | null
  readonly malformed: number
}

/** The answer to a look-up of a session, or null when it is none. An unknown status counts as unfinished. */
export function parseResult(body: unknown): RawResult | null {
  const parsed = resultSchema.safeParse(body)
  if (!parsed.success) return null
  const { status, result } = parsed.data
  const duration = result?.metadata?.audio_duration ?? Number.NaN
  const list = result?.transcription?.utterances
  const utterances = list?.flatMap((item) => {
    const utterance = utteranceSchema.safeParse(item)
    const id = idSchema.safeParse(item)
    return utterance.success ? [{ id: id.success ? id.data.id : null, utterance: utterance.data }] : []
  })
  return {
    status: status === 'done' || status === 'error' || status === 'queued' ? status : 'processing',
    audioDurationSec: Number.isFinite(duration) && duration >= 0 ? duration : null,
    utterances: utterances ?? null,
    malformed: (list?.length ?? 0) - (utterances?.length ?? 0),
  }
}
