import type { Identity } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { BusinessEvents } from '../../observe/events.js'
import type { Activity } from '../audio/activity.js'
import type { RoomConnection } from '../room/port.js'
import type { Segment } from '../transcript/segment.js'
import type { MeetingObserver } from './bot.js'

/** Whom an audience tells, and how. */
export interface AudienceParts {
  readonly observer: MeetingObserver
  readonly business: BusinessEvents
  readonly scope: Scope
  readonly nameOf: (identity: Identity) => string
  /** ms from the meeting's start */
  readonly meetingMs: () => number
  /** where captions go; null: nowhere now */
  readonly captionsTo: () => RoomConnection | null
  /** another bot hears by now: who speaks is its to tell */
  readonly isElsewhere: () => boolean
}

/** Tells whoever watches a meeting, in the room and outside, what is being said. */
export class Audience {
  readonly #parts: AudienceParts

  constructor(parts: AudienceParts) {
    this.#parts = parts
  }

  interim(segments: readonly Segment[]): void {
    const { observer, nameOf } = this.#parts
    observer.interim?.(segments, nameOf)
    for (const segment of segments) this.#caption(segment, false)
  }

  activity(activity: Activity): void {
    const { observer, isElsewhere } = this.#parts
    if (!isElsewhere()) observer.activity?.(activity)
  }

  /** The segment is durable. */
  stored(segment: Segment): void {
    const { observer, business, nameOf, meetingMs } = this.#parts
    business.finalKept((meetingMs() - segment.endMs) / 1000)
    observer.segment?.(segment, nameOf)
    this.#caption(segment, true)
  }

  #caption({ id: segmentId, identity, text }: Segment, isFinal: boolean): void {
    const connection = this.#parts.captionsTo()
    if (connection && identity !== null) this.#parts.scope.run('caption', () => connection.caption({ segmentId, identity, text, isFinal }))
  }
}
