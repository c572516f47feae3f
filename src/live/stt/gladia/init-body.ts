import type { SttOpenOptions } from '../port.js'

/** silence after which an utterance ends, seconds: the guard between two owners of a channel is as long as engines need that end so (test: guard.test.ts) */
export const ENDPOINTING_SEC = 0.3

const MAX_ENTRIES = 100
const MAX_WORDS = 5
const MAX_CHARACTERS = 10_000

/**
 * The vocabulary as the service takes it: trimmed, without repetitions, at most 100 entries of 5 words and 10 000 characters
 * together; entries of more words are cut, entries beyond the bounds left out.
 * Source: Gladia's documentation, an older revision; the current one names no bounds
 */
export function boundVocabulary(vocabulary: readonly string[]): readonly string[] {
  const entries = new Map<string, string>()
  let characters = 0
  for (const raw of vocabulary) {
    const entry = raw.trim().split(/\s+/).slice(0, MAX_WORDS).join(' ')
    const key = entry.toLowerCase()
    if (entry === '' || entries.has(key) || characters + entry.length > MAX_CHARACTERS) continue
    entries.set(key, entry)
    characters += entry.length
    if (entries.size === MAX_ENTRIES) break
  }
  return [...entries.values()]
}

/** The body of `POST /v2/live`. Post-processing messages are off: the result carries the same, and a whole meeting does not fit a socket message. */
export function initBody(options: SttOpenOptions): Record<string, unknown> {
  const vocabulary = boundVocabulary(options.vocabulary)
  return {
    encoding: 'wav/pcm',
    bit_depth: 16,
    sample_rate: options.sampleRate,
    channels: options.channels,
    endpointing: ENDPOINTING_SEC,
    maximum_duration_without_endpointing: 15,
    language_config: { languages: options.language === null ? [] : [options.language], code_switching: false },
    ...(vocabulary.length > 0 && {
      realtime_processing: { custom_vocabulary: true, custom_vocabulary_config: { vocabulary, default_intensity: 0.4 } },
    }),
    messages_config: {
      receive_partial_transcripts: true,
      receive_final_transcripts: true,
      receive_speech_events: false,
      receive_pre_processing_events: false,
      receive_realtime_processing_events: false,
      receive_post_processing_events: false,
      receive_acknowledgments: true,
      receive_errors: true,
      receive_lifecycle_events: true,
    },
  }
}
