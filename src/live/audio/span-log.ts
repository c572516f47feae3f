import type { Identity, SessionId, TrackKey } from '../../core/ids.js'
import type { Span } from './span.js'

/** A date may be off by this much and still continue a span. */
const TOLERANCE_MS = 0.5

interface OpenSpan {
  readonly sessionId: SessionId
  readonly channel: number
  readonly fromFrame: number
  toFrame: number
  readonly trackKey: TrackKey
  readonly identity: Identity
  readonly meetingMs: number
  isDirty: boolean
}

/** Writes the spans of one session as its blocks are made: extends while unbroken, else begins the next. Append-only. */
export class SpanLog {
  readonly #sessionId: SessionId
  readonly #sampleRate: number
  readonly #open: (OpenSpan | undefined)[]
  readonly #write: (span: Span) => void

  /** @param write told of every new or longer span, at `flush` or when it is closed */
  constructor(sessionId: SessionId, channels: number, sampleRate: number, write: (span: Span) => void) {
    this.#sessionId = sessionId
    this.#sampleRate = sampleRate
    this.#open = Array.from({ length: channels })
    this.#write = write
  }

  /** Frames `fromFrame` to `fromFrame + frames` of the channel came from the track; the first was spoken at `meetingMs`. */
  append(channel: number, fromFrame: number, frames: number, track: { key: TrackKey; identity: Identity }, meetingMs: number): void {
    const open = this.#open[channel]
    if (open && open.trackKey === track.key && open.toFrame === fromFrame) {
      const expectedMs = open.meetingMs + ((fromFrame - open.fromFrame) * 1000) / this.#sampleRate
      if (Math.abs(meetingMs - expectedMs) <= TOLERANCE_MS) {
        open.toFrame += frames
        open.isDirty = true
        return
      }
    }
    if (open) this.#flush(open)
    this.#open[channel] = {
      sessionId: this.#sessionId,
      channel,
      fromFrame,
      toFrame: fromFrame + frames,
      trackKey: track.key,
      identity: track.identity,
      meetingMs,
      isDirty: true,
    }
  }

  /** Tells of what was added since the last call. */
  flush(): void {
    for (const open of this.#open) if (open) this.#flush(open)
  }

  #flush(open: OpenSpan): void {
    if (!open.isDirty) return
    open.isDirty = false
    const { sessionId, channel, fromFrame, toFrame, trackKey, identity, meetingMs } = open
    this.#write({ sessionId, channel, fromFrame, toFrame, trackKey, identity, meetingMs })
  }
}
