import type { Room } from '@livekit/rtc-node'
import type { Logger } from '../../../observe/logger.js'
import type { Caption } from '../port.js'

const TOPIC = 'lk.transcription'
/** Characters; more is cut: a caption is read, not archived. */
const MAX_TEXT = 4_000

/**
 * Sends captions as LiveKit text streams in the speaker's name: a new stream for every version, receivers replace by
 * segment id. Without the grant the library's calls resolve and do nothing, so the grant is looked at first.
 */
export class CaptionSender {
  readonly #room: Room
  readonly #logger: Logger
  #warned = false

  constructor(room: Room, logger: Logger) {
    this.#room = room
    this.#logger = logger
  }

  /** Warns, once, when the server does not let this bot send captions. @returns whether it may */
  mayCaption(): boolean {
    const allowed = this.#room.localParticipant?.info.permission?.canPublishData ?? true
    if (!allowed && !this.#warned) {
      this.#warned = true
      this.#logger.warn({}, 'captions are off: the server does not let the bot send data')
    }
    return allowed
  }

  /** Resolves when the text was handed over; rejects when the connection ends meanwhile. */
  async send(caption: Caption): Promise<void> {
    const { localParticipant } = this.#room
    if (!localParticipant || !this.mayCaption()) return
    const writer = await localParticipant.streamText({
      topic: TOPIC,
      senderIdentity: caption.identity,
      attributes: { 'lk.segment_id': caption.segmentId, 'lk.transcription_final': String(caption.isFinal) },
    })
    await writer.write(caption.text.slice(0, MAX_TEXT))
    await writer.close()
  }
}
