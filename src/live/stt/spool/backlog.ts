import { StateError } from '../../../core/errors.js'
import type { Backlog } from '../port.js'
import type { ReplayBuffer } from './replay-buffer.js'

/** A buffer on its way from one session to another. */
export class AudioBacklog implements Backlog {
  readonly channels: number
  readonly frames: number
  #buffer: ReplayBuffer | null

  /** @param buffer the backlog's own from now on; its frames are numbered from its first */
  constructor(channels: number, buffer: ReplayBuffer) {
    this.channels = channels
    this.frames = buffer.endFrame
    this.#buffer = buffer
  }

  discard(): Promise<void> {
    this.#buffer?.clear()
    this.#buffer = null
    return Promise.resolve()
  }

  /**
   * The buffer, yours; once.
   * @throws {StateError} it is gone, or of another number of channels
   */
  take(channels: number): ReplayBuffer {
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
export function takeBacklog(backlog: Backlog, channels: number): ReplayBuffer {
  if (!(backlog instanceof AudioBacklog)) throw new StateError('a backlog of another adapter')
  return backlog.take(channels)
}
