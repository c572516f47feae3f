import { AudioStream, type AudioFrame, type RemoteAudioTrack } from '@livekit/rtc-node'
import { SAMPLE_RATE } from '../port.js'

/** Fewer, larger frames: 10 ms frames cost twice the time of this process. */
const FRAME_MS = 50

/** Native audio of a track: 16 kHz mono in frames of 50 ms. */
const openStream = (track: RemoteAudioTrack): ReadableStream<Pick<AudioFrame, 'data'>> =>
  new AudioStream(track, { sampleRate: SAMPLE_RATE, numChannels: 1, frameSizeMs: FRAME_MS })

/**
 * Reads one track until it ends or is cancelled; after `cancel` was called no frame is told, though some may be on the way. Holds the
 * stream and the track: the library keeps weak references.
 */
export class AudioReader {
  /** resolves when the stream has ended or was cancelled; rejects when reading fails */
  readonly ended: Promise<void>
  readonly #track: RemoteAudioTrack
  readonly #reader: ReadableStreamDefaultReader<Pick<AudioFrame, 'data'>>
  readonly #onFrame: (samples: Int16Array) => void
  #cancelled = false

  /**
   * @param onFrame 800 samples s16 mono, owned by the callee; must not throw
   * @param open makes the stream of a track; a test gives its own
   */
  constructor(track: RemoteAudioTrack, onFrame: (samples: Int16Array) => void, open = openStream) {
    this.#track = track
    this.#onFrame = onFrame
    this.#reader = open(track).getReader()
    this.ended = this.#read()
  }

  /** the track that is read */
  get track(): RemoteAudioTrack {
    return this.#track
  }

  /** Ends reading at once; frames not yet read are dropped. */
  async cancel(): Promise<void> {
    this.#cancelled = true
    await this.#reader.cancel()
    await this.ended
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done || this.#cancelled) return
      // the library copies each frame out of native memory into a buffer of its own
      this.#onFrame(value.data)
    }
  }
}
