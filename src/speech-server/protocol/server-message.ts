import type { EngineTranscript } from '../engine/port.js'
import type { InitParams } from './init-request.js'

/** A message of the server; which ones reach the socket is the client's choice (`messages_config`). */
export interface ServerMessage {
  readonly type: string
  readonly [field: string]: unknown
}

/** What a message counts as, for the client's choice. */
export type MessageKind = 'partial' | 'final' | 'speech' | 'addon' | 'post' | 'ack' | 'error' | 'lifecycle'

const WANTED = {
  partial: 'receive_partial_transcripts',
  final: 'receive_final_transcripts',
  speech: 'receive_speech_events',
  addon: 'receive_realtime_processing_events',
  post: 'receive_post_processing_events',
  ack: 'receive_acknowledgments',
  error: 'receive_errors',
  lifecycle: 'receive_lifecycle_events',
} as const satisfies Record<MessageKind, keyof InitParams['messages_config']>

/** Whether the client subscribed to this kind. */
export const isWanted = (kind: MessageKind, config: InitParams['messages_config']): boolean => config[WANTED[kind]]

/** Seconds as they go over the wire: whole milliseconds. */
export const wireSec = (seconds: number): number => Math.round(seconds * 1000) / 1000

/** `utterance` of messages and results. */
export function utteranceOf(transcript: EngineTranscript) {
  return {
    text: transcript.text,
    start: wireSec(transcript.startSec),
    end: wireSec(transcript.endSec),
    language: transcript.language,
    confidence: transcript.confidence,
    channel: transcript.channel,
    words: transcript.words.map(({ word, startSec, endSec, confidence }) => ({
      word,
      start: wireSec(startSec),
      end: wireSec(endSec),
      confidence,
    })),
  }
}

/** `data` of a transcript message. */
export function transcriptData(transcript: EngineTranscript) {
  return { id: transcript.id, is_final: transcript.isFinal, utterance: utteranceOf(transcript) }
}
export type TranscriptData = ReturnType<typeof transcriptData>
