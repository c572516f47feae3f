import { asIdentity, asSegmentId, trackKey, type SessionId } from '../../src/core/ids.js'
import type { Gap, Span } from '../../src/live/audio/span.js'
import type { Segment } from '../../src/live/transcript/segment.js'
import type { FeedEvent, MeetingRequest, SessionRecord } from '../../src/records/port.js'

/** A request for a room, everything else absent unless given. */
export const requestFor = (room: string, given: Partial<MeetingRequest> = {}): MeetingRequest => ({
  room,
  title: null,
  language: null,
  vocabulary: [],
  slackChannel: null,
  startAt: null,
  endAt: null,
  botName: null,
  ...given,
})

/** The `n`th segment of a session. */
export const segmentOf = (sessionId: SessionId, n: number, given: Partial<Segment> = {}): Segment => ({
  id: asSegmentId(`${sessionId}/${n}/0`),
  identity: asIdentity('ana'),
  startMs: n * 1000,
  endMs: n * 1000 + 800,
  text: `text ${n}`,
  words: [{ text: 'text', startMs: n * 1000, endMs: n * 1000 + 400, confidence: 0.5 }],
  language: 'en',
  confidence: 0.75,
  sessionId,
  channel: 0,
  utteranceId: `utterance ${n}`,
  part: 0,
  ...given,
})

/** A span from a frame to a frame of channel 0. */
export const spanOf = (sessionId: SessionId, fromFrame: number, toFrame: number): Span => ({
  sessionId,
  channel: 0,
  fromFrame,
  toFrame,
  trackKey: trackKey(asIdentity('ana'), 'microphone'),
  identity: asIdentity('ana'),
  meetingMs: fromFrame / 16 + 0.25,
})

/** A gap of Ana's that begins at `fromMs`. */
export const gapFrom = (fromMs: number): Gap => ({ identity: asIdentity('ana'), fromMs, toMs: fromMs + 100, reason: 'ring_full' })

/** A session record with this many frames sent. */
export const sessionWith = (sessionId: SessionId, sentFrames: number): SessionRecord => ({
  sessionId,
  vendorId: 'vendor-1',
  channels: 2,
  sampleRate: 16_000,
  sentFrames,
  acknowledgedFrames: sentFrames,
  endReason: null,
})

/** Keeps feed events and lets a test wait for a number of them. */
export class FeedRecorder {
  readonly events: FeedEvent[] = []
  readonly #waiting: { count: number; resolve: () => void }[] = []

  readonly listener = (event: FeedEvent): void => {
    this.events.push(event)
    for (const waiter of this.#waiting) if (this.events.length >= waiter.count) waiter.resolve()
  }

  /** Resolves when `count` events have come since the beginning. */
  reach(count: number): Promise<void> {
    if (this.events.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ count, resolve }))
  }

  /** Numbers of the segments told, in order. */
  get seqs(): number[] {
    return this.events.flatMap((event) => (event.kind === 'segment' ? [event.segment.seq] : []))
  }
}
