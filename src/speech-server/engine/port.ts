/** What an engine is asked to do for one session. */
export interface EngineSessionOptions {
  readonly channels: number
  /** samples per second and channel; 16000 unless the client asked for another rate (the server resamples) */
  readonly sampleRate: number
  /** pause that ends an utterance, seconds */
  readonly endpointingSec: number
  /** longest utterance without a pause, seconds */
  readonly maxUtteranceSec: number
  readonly partials: boolean
  /** words worth knowing; an engine may ignore them */
  readonly vocabulary: readonly string[]
}

/** A word; seconds from the session's first sample. */
export interface EngineWord {
  readonly word: string
  readonly startSec: number
  readonly endSec: number
  readonly confidence: number
}

/** An interim or final utterance of one channel. Interim and final share `id`; a final never changes. */
export interface EngineTranscript {
  /** unique within the session */
  readonly id: string
  readonly isFinal: boolean
  readonly channel: number
  readonly startSec: number
  readonly endSec: number
  readonly text: string
  readonly words: readonly EngineWord[]
  readonly language: string
  readonly confidence: number
}

/** What an engine session reports; finals of different channels come in any order. */
export interface EngineEvents {
  speechStart(channel: number, timeSec: number): void
  speechEnd(channel: number, timeSec: number): void
  transcript(transcript: EngineTranscript): void
  /** the engine cannot go on with this session */
  failed(error: Error): void
}

/** Recognition of one session. */
export interface EngineSession {
  /** @param block interleaved s16, complete frames; valid until the call returns */
  push(block: Int16Array): void
  /** Ends the audio; resolves when every final has been reported. */
  finish(): Promise<void>
  /** Drops everything that waits; no event after it. */
  close(): void
}

/** A recogniser for many sessions at once. */
export interface Engine {
  readonly name: 'moonshine' | 'marks'
  open(options: EngineSessionOptions, events: EngineEvents): EngineSession
  /** Ends workers in an orderly way (terminating one during a call aborts the process). */
  close(): Promise<void>
}
