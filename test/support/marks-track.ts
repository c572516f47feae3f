import { AudioFrame, AudioSource, LocalAudioTrack, TrackPublishOptions, TrackSource } from '@livekit/rtc-node'
import { encodeMark } from '../../src/speech-server/engine/marks/codec.js'
import type { DecodedMark } from '../../src/speech-server/engine/marks/decoder.js'
import { MarkDecoder } from '../../src/speech-server/engine/marks/decoder.js'
import type { TrackKey } from '../../src/core/ids.js'
import { RoomRecorder } from './room-recorder.js'
import type { RoomSpeaker } from './room-speaker.js'

const RATE = 48_000

/** What a microphone makes of a mark: interleaved samples of its channels. */
export type Microphone = (mono: Int16Array) => Int16Array

/** A published microphone that speaks marks, with as many channels as it likes. */
export class MarksTrack {
  readonly #who: number
  readonly #source: AudioSource
  readonly #track: LocalAudioTrack
  readonly #channels: number

  private constructor(who: number, source: AudioSource, track: LocalAudioTrack, channels: number) {
    this.#who = who
    this.#source = source
    this.#track = track
    this.#channels = channels
  }

  static async publish(speaker: RoomSpeaker, who: number, channels = 1): Promise<MarksTrack> {
    const source = new AudioSource(RATE, channels, 400)
    const track = LocalAudioTrack.createAudioTrack('marks', source)
    await speaker.room.localParticipant?.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
    return new MarksTrack(who, source, track, channels)
  }

  /** Speaks slots `from` to `to` (half-open), one after the other; resolves when they have been handed over. The source's queue paces it. */
  async speak(from: number, to: number, microphone: Microphone = (mono) => mono): Promise<void> {
    for (let n = from; n < to; n++) {
      const samples = Int16Array.from(microphone(encodeMark(this.#who, n, RATE)))
      await this.#source.captureFrame(new AudioFrame(samples, RATE, this.#channels, samples.length / this.#channels))
    }
    await this.#source.waitForPlayout()
  }

  close(): Promise<void> {
    return this.#track.close()
  }
}

/** A recorder that reads marks out of the frames. */
export class MarksRecorder extends RoomRecorder {
  readonly #decoders = new Map<TrackKey, { readonly decoder: MarkDecoder; readonly found: DecodedMark[] }>()

  override frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void {
    let known = this.#decoders.get(key)
    if (!known) this.#decoders.set(key, (known = { decoder: new MarkDecoder(), found: [] }))
    known.found.push(...known.decoder.push(samples))
    super.frame(key, samples, arrivedMs)
  }

  /** slots heard on a track so far, as `who/n` */
  marks(key: TrackKey): string[] {
    return (this.#decoders.get(key)?.found ?? []).map(({ who, n }) => `${who}/${n}`)
  }

  /** Resolves when the slot has been heard on the track. */
  untilMark(key: TrackKey, who: number, n: number): Promise<void> {
    return this.until(() => this.marks(key).includes(`${who}/${n}`))
  }
}
