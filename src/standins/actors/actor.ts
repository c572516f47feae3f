import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node'
import { StateError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { setTrackMuted } from './mute.js'
import { hearOnlyOwnEvents } from './own-events.js'
import { silenceRtcLogs } from './quiet.js'

/** Who an actor is and where it goes. */
export interface ActorOptions {
  /** ws:// or wss:// address of the LiveKit server */
  readonly url: string
  readonly identity: string
  readonly name: string
  /** mints a token under the present name; called at every join. It must allow to change the own name */
  readonly token: (name: string) => Promise<string>
  /** 48000 for marks, 16000 for speech */
  readonly sampleRate: 16_000 | 48_000
  readonly clock: Clock
}

/** When a clip was heard in the room's past, as far as the sender can know; monotonic ms. */
export interface Spoken {
  readonly startedMs: number
  readonly endedMs: number
  /** false when it was stopped before its end */
  readonly isComplete: boolean
  /** the longest pause that a late process put into the clip, ms */
  readonly underrunMs: number
}

const CHUNK_MS = 100

interface Microphone {
  readonly source: AudioSource
  readonly track: LocalAudioTrack
  readonly sid: string
}

/**
 * A person made of software: joins a room, publishes a microphone, speaks clips or marks, mutes, leaves, comes back.
 * Calls that change the connection are to be awaited one after the other. After `leave` the same actor may join again
 * (same identity, new SIDs). Whoever owns the process calls `dispose()` of rtc-node once at its end.
 */
export class Actor {
  readonly identity: string
  #name: string
  readonly #options: ActorOptions
  #room: Room | undefined
  #microphone: Microphone | undefined
  #isMuted = false
  #speaking: AbortController | undefined

  constructor(options: ActorOptions) {
    this.#options = options
    this.identity = options.identity
    this.#name = options.name
    silenceRtcLogs()
  }

  /** the present display name */
  get name(): string {
    return this.#name
  }

  /** whether the connection stands, as far as the library knows */
  get isJoined(): boolean {
    return this.#room?.isConnected ?? false
  }

  get isPublished(): boolean {
    return this.#microphone !== undefined
  }

  get isMuted(): boolean {
    return this.#isMuted
  }

  /** Connects under the present name. @throws ConnectError the server refused; StateError joined already */
  async join(): Promise<void> {
    if (this.#room) throw new StateError(`${this.identity} has joined already`)
    const room = new Room()
    hearOnlyOwnEvents(room)
    this.#room = room
    try {
      await room.connect(this.#options.url, await this.#options.token(this.#name), { autoSubscribe: false, dynacast: false })
    } catch (error) {
      this.#room = undefined
      throw error
    }
  }

  /** Publishes a microphone, unmuted and silent. Tracks are made only now: before a connection each costs threads. */
  async publish(): Promise<void> {
    const participant = this.#participant()
    if (this.#microphone) throw new StateError(`${this.identity} has published already`)
    const source = new AudioSource(this.#options.sampleRate, 1)
    const track = LocalAudioTrack.createAudioTrack('microphone', source)
    try {
      const { sid } = await participant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }))
      if (sid === undefined) throw new StateError('a published track has no sid')
      this.#microphone = { source, track, sid }
      this.#isMuted = false
    } catch (error) {
      await track.close()
      throw error
    }
  }

  /** Takes the microphone out of the room. */
  async unpublish(): Promise<void> {
    const { track, sid } = this.#published()
    this.#speaking?.abort()
    this.#microphone = undefined
    try {
      await this.#participant().unpublishTrack(sid)
    } finally {
      await track.close()
    }
  }

  /** A new microphone in place of the old: the same participant, a new track SID. */
  async republish(): Promise<void> {
    if (this.#microphone) await this.unpublish()
    await this.publish()
  }

  /** Mutes; a clip that is being spoken stops here. */
  mute(): void {
    const { track } = this.#published()
    this.#speaking?.abort()
    setTrackMuted(track, true)
    this.#isMuted = true
  }

  unmute(): void {
    const { track, source } = this.#published()
    // what was said into the muted microphone must not come out now
    this.#speaking?.abort()
    source.clearQueue()
    setTrackMuted(track, false)
    this.#isMuted = false
  }

  /**
   * Speaks a clip to its end. Sound is handed over up to a second ahead, so a short stall of this process is not heard.
   * @param samples at the actor's rate; not kept
   * @throws StateError nothing is published, or another clip is being spoken
   */
  async speakClip(samples: Int16Array): Promise<Spoken> {
    const { source } = this.#published()
    if (this.#speaking) throw new StateError(`${this.identity} is speaking`)
    const { clock, sampleRate } = this.#options
    const stop = new AbortController()
    this.#speaking = stop
    const startedMs = clock.monotonicMs()
    const chunk = (sampleRate * CHUNK_MS) / 1000
    let underrunMs = 0
    let pushed = 0
    try {
      for (; pushed < samples.length && !stop.signal.aborted; pushed += chunk) {
        if (pushed > 0) underrunMs = Math.max(underrunMs, clock.monotonicMs() - startedMs - (pushed / sampleRate) * 1000)
        // a copy: the library reads a view from the start of its buffer
        const data = samples.slice(pushed, pushed + chunk)
        await source.captureFrame(new AudioFrame(data, sampleRate, 1, data.length))
      }
      const endMs = startedMs + (samples.length / sampleRate) * 1000
      await clock.sleep(Math.max(0, endMs - clock.monotonicMs()), stop.signal)
    } catch (error) {
      if (!stop.signal.aborted) throw error
    } finally {
      this.#speaking = undefined
    }
    return { startedMs, endedMs: clock.monotonicMs(), isComplete: !stop.signal.aborted, underrunMs: Math.max(0, underrunMs) }
  }

  /** Stops the clip that is being spoken, if any. */
  hush(): void {
    this.#speaking?.abort()
    this.#microphone?.source.clearQueue()
  }

  /**
   * Hands over one whole mark (200 ms at the actor's rate) and returns at once: the caller's loop keeps the time.
   * @param samples an exact array, not a view; not to be written to any more
   * @param onFailure told when the library refused it, as it does when the microphone has just been taken away
   */
  speakMark(samples: Int16Array, onFailure: (error: unknown) => void): void {
    const { source } = this.#published()
    source.captureFrame(new AudioFrame(samples, this.#options.sampleRate, 1, samples.length)).catch(onFailure)
  }

  /** Changes the display name. It resolves without effect when the token does not allow it. */
  async rename(name: string): Promise<void> {
    await this.#participant().updateName(name)
    this.#name = name
  }

  /** Leaves as a client does, and frees the microphone. Nothing happens when the actor is away. */
  async leave(): Promise<void> {
    this.#speaking?.abort()
    const room = this.#room
    const microphone = this.#microphone
    this.#room = undefined
    this.#microphone = undefined
    this.#isMuted = false
    try {
      await room?.disconnect()
    } finally {
      await microphone?.track.close()
    }
  }

  /** The same as `leave`. */
  close(): Promise<void> {
    return this.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  #participant(): NonNullable<Room['localParticipant']> {
    const participant = this.#room?.localParticipant
    if (!participant) throw new StateError(`${this.identity} is not in the room`)
    return participant
  }

  #published(): Microphone {
    if (!this.#microphone) throw new StateError(`${this.identity} has no microphone`)
    return this.#microphone
  }
}
