import { z } from 'zod'
import type { AudioFormat } from './audio-format.js'
import { LANGUAGES, TRANSLATION_LANGUAGES } from './languages.js'

/** The body of `POST /v2/live`, as Gladia describes it; unknown fields are ignored. */

const flag = (fallback: boolean) => z.boolean().default(fallback)
const oneOf = <T extends string | number>(values: readonly T[]) => z.literal(values, { error: `must be one of ${values.join(', ')}` })
const language = z.string().refine((code) => LANGUAGES.includes(code), { error: 'is not a supported language code' })
const intensity = z.number().min(0).max(1)

const vocabularyEntry = z.union(
  [
    z.string().min(1),
    z.object({
      value: z.string().min(1),
      intensity: intensity.optional(),
      pronunciations: z.array(z.string()).optional(),
      language: language.optional(),
    }),
  ],
  { error: 'must be a string or {value, intensity?, pronunciations?, language?}' },
)

const realtimeProcessing = z.object({
  custom_vocabulary: flag(false),
  custom_vocabulary_config: z.object({ vocabulary: z.array(vocabularyEntry), default_intensity: intensity.optional() }).optional(),
  custom_spelling: flag(false),
  custom_spelling_config: z.object({ spelling_dictionary: z.record(z.string(), z.array(z.string())) }).optional(),
  translation: flag(false),
  translation_config: z
    .object({
      target_languages: z
        .array(z.string().refine((code) => TRANSLATION_LANGUAGES.includes(code), { error: 'is not a supported language code' }))
        .min(1),
      model: oneOf(['base', 'enhanced', 'batch'] as const).default('base'),
      match_original_utterances: flag(true),
      lipsync: flag(true),
      context_adaptation: flag(true),
      context: z.string().optional(),
      informal: flag(false),
    })
    .optional(),
  named_entity_recognition: flag(false),
  sentiment_analysis: flag(false),
})

const messages = (defaults: { partials: boolean; speech: boolean; acks: boolean; errors: boolean; lifecycle: boolean }) => ({
  receive_partial_transcripts: flag(defaults.partials),
  receive_final_transcripts: flag(true),
  receive_speech_events: flag(defaults.speech),
  receive_pre_processing_events: flag(true),
  receive_realtime_processing_events: flag(true),
  receive_post_processing_events: flag(true),
  receive_acknowledgments: flag(defaults.acks),
  receive_errors: flag(defaults.errors),
  receive_lifecycle_events: flag(defaults.lifecycle),
})

const initRequest = z
  .object({
    encoding: oneOf(['wav/pcm', 'wav/alaw', 'wav/ulaw'] as const).default('wav/pcm'),
    bit_depth: oneOf([8, 16, 24, 32] as const).optional(),
    sample_rate: oneOf([8000, 16000, 32000, 44100, 48000] as const).default(16000),
    channels: z.int().min(1).max(8).default(1),
    model: z.string().min(1).max(64).default('solaria-1'),
    endpointing: z.number().min(0.01).max(10).default(0.05),
    maximum_duration_without_endpointing: z.number().min(5).max(60).default(5),
    language_config: z.object({ languages: z.array(language).default([]), code_switching: flag(false) }).prefault({}),
    pre_processing: z.object({ audio_enhancer: flag(false), speech_threshold: z.number().min(0).max(1).default(0.6) }).prefault({}),
    realtime_processing: realtimeProcessing.prefault({}),
    post_processing: z
      .object({
        summarization: flag(false),
        summarization_config: z.object({ type: oneOf(['general', 'bullet_points', 'concise'] as const).default('general') }).optional(),
        chapterization: flag(false),
      })
      .prefault({}),
    messages_config: z.object(messages({ partials: false, speech: true, acks: true, errors: true, lifecycle: false })).prefault({}),
    callback: flag(false),
    callback_config: z
      .object({ url: z.url().optional(), ...messages({ partials: false, speech: false, acks: false, errors: false, lifecycle: true }) })
      .optional(),
    custom_metadata: z
      .record(z.string(), z.unknown())
      .refine((metadata) => JSON.stringify(metadata).length <= 2000, { error: 'must be at most 2000 characters once stringified' })
      .optional(),
  })
  .refine(({ encoding, bit_depth: depth }) => encoding === 'wav/pcm' || depth === undefined || depth === 8, {
    path: ['bit_depth'],
    error: 'must be 8 for wav/alaw and wav/ulaw',
  })
  .transform((body) => ({ ...body, bit_depth: body.bit_depth ?? (body.encoding === 'wav/pcm' ? 16 : 8) }) as const)

/** A checked request with every default filled in: `request_params` of the job. */
export type InitParams = z.infer<typeof initRequest>

/** A checked request, or what is wrong with it, a line a place. */
export type InitOutcome = { readonly ok: true; readonly params: InitParams } | { readonly ok: false; readonly problems: readonly string[] }

/** Checks the body of `POST /v2/live`. */
export function parseInitRequest(body: unknown): InitOutcome {
  const parsed = initRequest.safeParse(body)
  if (parsed.success) return { ok: true, params: parsed.data }
  return { ok: false, problems: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`) }
}

/** What was asked for in good form and this server cannot do: refused rather than silently left out. */
export function unsupported(params: InitParams): string[] {
  return params.callback ? ['callback: this server does not deliver callbacks; read the socket or GET the result'] : []
}

/** The audio the client is going to send. */
export function audioFormat(params: InitParams): AudioFormat {
  return { encoding: params.encoding, bitDepth: params.bit_depth, sampleRate: params.sample_rate, channels: params.channels }
}

/** Custom vocabulary as plain words; empty unless switched on. */
export function vocabularyOf(params: InitParams): string[] {
  const { custom_vocabulary: on, custom_vocabulary_config: config } = params.realtime_processing
  return on && config ? config.vocabulary.map((entry) => (typeof entry === 'string' ? entry : entry.value)) : []
}
