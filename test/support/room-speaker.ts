import {
  AudioFrame,
  AudioSource,
  LocalAudioTrack,
  type LocalTrackPublication,
  LocalVideoTrack,
  Room,
  TrackPublishOptions,
  TrackSource,
  VideoBufferType,
  VideoFrame,
  VideoSource,
} from '@livekit/rtc-node'
import { FfiRequest, livekitFfiRequest } from '@livekit/rtc-ffi-bindings'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { testToken } from './livekit.js'

const RATE = 48_000
const FRAME_SAMPLES = RATE / 50

/** One published track that sounds a tone without end. */
export class ToneTrack {
  readonly track: LocalAudioTrack
  readonly publication: LocalTrackPublication
  readonly #source: AudioSource
  readonly #playing: Promise<void>
  #stopped = false

  constructor(source: AudioSource, track: LocalAudioTrack, publication: LocalTrackPublication, hertz: number) {
    this.#source = source
    this.track = track
    this.publication = publication
    this.#playing = this.#play(hertz)
  }

  /** The library has no mute for local tracks; its native side does. */
  setMuted(muted: boolean): void {
    const request = new FfiRequest({
      message: { case: 'localTrackMute', value: { trackHandle: this.track.ffi_handle.handle, mute: muted } },
    })
    livekitFfiRequest(request.toBinary())
  }

  /** Captures nothing any more; the track stays as it is. */
  async silence(): Promise<void> {
    this.#stopped = true
    this.#source.clearQueue()
    await this.#playing
  }

  async stop(): Promise<void> {
    await this.silence()
    await this.track.close()
  }

  /** Back-pressure of the source paces this: no timer. */
  async #play(hertz: number): Promise<void> {
    for (let start = 0; !this.#stopped; start += FRAME_SAMPLES) {
      const samples = new Int16Array(FRAME_SAMPLES)
      for (let i = 0; i < FRAME_SAMPLES; i++) samples[i] = 8_000 * Math.sin((2 * Math.PI * hertz * (start + i)) / RATE)
      await this.#source.captureFrame(new AudioFrame(samples, RATE, 1, FRAME_SAMPLES))
    }
  }
}

/** A person in a test: joins with the real client library and sounds tones. */
export class RoomSpeaker {
  readonly room: Room
  readonly #tracks = new Set<ToneTrack>()
  readonly #cameras: LocalVideoTrack[] = []

  constructor(room: Room) {
    this.room = room
  }

  static async join(server: LivekitServer, room: string, identity: string, name?: string): Promise<RoomSpeaker> {
    const client = new Room()
    client.setMaxListeners(0)
    const token = await testToken(server, { room, identity, ...(name === undefined ? {} : { name }) })
    await client.connect(server.url, token, { autoSubscribe: false, dynacast: false })
    return new RoomSpeaker(client)
  }

  async publish(options: { source?: TrackSource; hertz?: number } = {}): Promise<ToneTrack> {
    const source = new AudioSource(RATE, 1, 100)
    const track = LocalAudioTrack.createAudioTrack('tone', source)
    const local = this.#local()
    const publication = await local.publishTrack(
      track,
      new TrackPublishOptions({ source: options.source ?? TrackSource.SOURCE_MICROPHONE }),
    )
    const tone = new ToneTrack(source, track, publication, options.hertz ?? 440)
    this.#tracks.add(tone)
    return tone
  }

  /** A camera that shows one picture. */
  async publishCamera(): Promise<void> {
    const source = new VideoSource(64, 64)
    const track = LocalVideoTrack.createVideoTrack('camera', source)
    await this.#local().publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }))
    source.captureFrame(new VideoFrame(new Uint8Array(64 * 64 * 4), 64, 64, VideoBufferType.RGBA))
    this.#cameras.push(track)
  }

  /** Data to everybody, reliable. */
  async say(bytes: Uint8Array): Promise<void> {
    await this.#local().publishData(bytes, { reliable: true })
  }

  async unpublish(tone: ToneTrack): Promise<void> {
    await this.#local().unpublishTrack(tone.publication.sid ?? '', true)
    this.#tracks.delete(tone)
    await tone.stop()
  }

  async rename(name: string): Promise<void> {
    await this.#local().updateName(name)
  }

  /** Allows everybody, or nobody, to hear this speaker; by the native side, the library has no call for it. */
  allowAll(allParticipantsAllowed: boolean): void {
    const value = { localParticipantHandle: this.#local().ffi_handle.handle, allParticipantsAllowed, permissions: [] }
    livekitFfiRequest(new FfiRequest({ message: { case: 'setTrackSubscriptionPermissions', value } }).toBinary())
  }

  async leave(): Promise<void> {
    for (const tone of this.#tracks) await tone.stop()
    this.#tracks.clear()
    for (const camera of this.#cameras.splice(0)) await camera.close()
    await this.room.disconnect()
  }

  #local() {
    const { localParticipant } = this.room
    if (!localParticipant) throw new Error('the speaker is not in a room')
    return localParticipant
  }
}
