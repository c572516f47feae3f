import type { EngineTranscript } from '../engine/port.js'
import type { InitParams } from './init-request.js'
import { utteranceOf } from './server-message.js'

/** Said of add-ons that this server does not have. */
export const NOT_AVAILABLE = 'not available on the local speech server'

/** Types of the messages that an add-on switched on by the client would send after each final. */
export function addonsOf({ realtime_processing: live }: InitParams): string[] {
  return (['translation', 'named_entity_recognition', 'sentiment_analysis'] as const).filter((addon) => live[addon])
}

/** What a result is made from. */
export interface ResultFacts {
  readonly params: InitParams
  /** in the order of arrival */
  readonly finals: readonly EngineTranscript[]
  readonly audioSec: number
  /** time from the end of the recording to the last final */
  readonly transcriptionSec: number
}

const missingAddon = () => ({
  success: false,
  is_empty: true,
  exec_time: 0,
  error: { status_code: 501, exception: 'NotAvailable', message: NOT_AVAILABLE },
  results: null,
})

/** `transcription`: utterances by start, then channel; languages by how often they occur. */
export function transcriptionOf(finals: readonly EngineTranscript[]) {
  const ordered = finals.toSorted((a, b) => a.startSec - b.startSec || a.channel - b.channel || a.endSec - b.endSec)
  const counts = new Map<string, number>()
  for (const { language } of ordered) counts.set(language, (counts.get(language) ?? 0) + 1)
  return {
    full_transcript: ordered
      .map(({ text }) => text.trim())
      .filter((text) => text !== '')
      .join(' '),
    languages: [...counts].sort((a, b) => b[1] - a[1]).map(([language]) => language),
    utterances: ordered.map(utteranceOf),
  }
}

/** `data` of `post_final_transcript`; `result` of the job is the same plus `messages`. Every declared channel counts as distinct. */
export function resultOf(facts: ResultFacts) {
  const { params, audioSec } = facts
  const { realtime_processing: live, post_processing: post } = params
  return {
    metadata: {
      audio_duration: audioSec,
      number_of_distinct_channels: params.channels,
      billing_time: audioSec * params.channels,
      transcription_time: facts.transcriptionSec,
    },
    transcription: transcriptionOf(facts.finals),
    ...(live.translation ? { translation: missingAddon() } : {}),
    ...(live.named_entity_recognition ? { named_entity_recognition: missingAddon() } : {}),
    ...(live.sentiment_analysis ? { sentiment_analysis: missingAddon() } : {}),
    ...(post.summarization ? { summarization: missingAddon() } : {}),
  }
}

/** What a job object says. */
export interface JobFacts {
  readonly id: string
  readonly requestId: string
  readonly status: 'queued' | 'processing' | 'done' | 'error'
  readonly createdAt: string
  readonly completedAt: string | null
  readonly errorCode: number | null
  readonly params: InitParams
  readonly postSessionMetadata: object
  readonly audioSec: number
  readonly result: object | null
}

/** The job object of `GET /v2/live/:id`. */
export function jobOf(facts: JobFacts) {
  const { custom_metadata: customMetadata, ...requestParams } = facts.params
  return {
    id: facts.id,
    request_id: facts.requestId,
    version: 2,
    kind: 'live' as const,
    status: facts.status,
    created_at: facts.createdAt,
    completed_at: facts.completedAt,
    ...(customMetadata ? { custom_metadata: customMetadata } : {}),
    error_code: facts.errorCode,
    post_session_metadata: facts.postSessionMetadata,
    file:
      facts.audioSec > 0
        ? {
            id: facts.id,
            filename: `${facts.id}.wav`,
            source: null,
            audio_duration: facts.audioSec,
            number_of_channels: facts.params.channels,
          }
        : null,
    request_params: requestParams,
    result: facts.result,
  }
}
export type Job = ReturnType<typeof jobOf>
