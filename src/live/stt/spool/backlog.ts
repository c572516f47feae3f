import { StateError } from '../../../core/errors.js'
import type { Backlog } from '../port.js'
import type { AudioBuffer } from './audio-buffer.js'

/** A buffer on its way from one session to another. */
export class AudioBacklog implements Backlog {
  readonly channels: number
  #frames: number
  #buffer: AudioBuffer | null

  /** @param buffer the backlog's own from now on; its frames are numbered from the backlog's first */
  constructor(buffer: AudioBuffer) {
    this.channels = buffer.channels
    this.#frames = buffer.endFrame
    this.#buffer = buffer
  }

  get frames(): number {
    return this.#frames
  }

  skip(frames: number): void {
    this.#buffer?.rebase(frames)
    this.#frames -= frames
  }

  async discard(): Promise<void> {
    const buffer = this.#buffer
    this.#buffer = null
    await buffer?.clear()
  }

  async leave(): Promise<boolean> {
    const buffer = this.#buffer
    this.#buffer = null
    const isLeft = (await buffer?.leave()) ?? false
    if (!isLeft) this.#buffer = buffer
    return isLeft
  }

  rest(maxBytes: number): number {
    return this.#buffer?.rest(maxBytes) ?? 0
  }

  /**
   * The buffer, yours; once.
   * @throws {StateError} it is gone, or of another number of channels
   */
  take(channels: number): AudioBuffer {
    const buffer = this.#buffer
    if (!buffer || channels !== this.channels) throw new StateError('a backlog is taken once, by a session of as many channels')
    this.#buffer = null
    return buffer
  }
}

/**
 * What a backlog holds, for the session that goes on with it.
 * @throws {StateError} it is of another adapter, of another number of channels, or gone
 */
export function takeBacklog(backlog: Backlog, channels: number): AudioBuffer {
  if (!(backlog instanceof AudioBacklog)) throw new StateError('a backlog of another adapter')
  return backlog.take(channels)
}
