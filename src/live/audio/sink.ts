import type { SessionId } from '../../core/ids.js'
import type { Gap, Span } from './span.js'

/** Where the audio plane puts what it makes. Calls are synchronous, in order, and must not throw. */
export interface AudioSink {
  /** Opens an STT session of so many channels; audio may come at once, before the service has answered. */
  open(channels: number): SessionId
  /** @param interleaved `frames` samples a channel; fresh, the receiver's */
  block(sessionId: SessionId, interleaved: Int16Array, frames: number): void
  /** No more audio follows for this session. */
  finish(sessionId: SessionId): void
  /** A new span, or a known one (same session, channel, fromFrame) with a larger `toFrame`; after the blocks that it speaks of. */
  span(span: Span): void
  gap(gap: Gap): void
}
