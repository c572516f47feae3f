import type { MeetingId } from '../core/ids.js'

/** What is remembered of a room that bots join by themselves. */
export interface RoomMemory {
  /** the last meeting that was seen in it */
  readonly meetingId: MeetingId
  /** LiveKit's id of the room that the meeting was seen in; null: it had not begun yet */
  readonly sid: string | null
  /** whether the meeting was started because people were there: nobody asked for it by name */
  readonly isOwn: boolean
  /** whether the room was empty, or ended, after that meeting: a stop by a person holds no longer */
  readonly isCleared: boolean
}

/** What auto-join and webhooks keep. Times are the store's own clock. Rooms and events are forgotten in bounded time. */
export interface AutoJoinBook {
  memory(room: string): Promise<RoomMemory | null>
  /**
   * What is known of a newer meeting is not written over, by whoever does not know it.
   * @param seen the meeting of the memory that this one rests on
   */
  remember(room: string, memory: RoomMemory, seen?: MeetingId): Promise<void>
  /**
   * Keeps the id of an event. Ids are kept for an hour, longer than a signature is valid.
   * @returns null: it is new; else ms since it was first kept
   */
  firstSeen(eventId: string): Promise<number | null>
  /** Whether the id of an event is kept. */
  hasSeen(eventId: string): Promise<boolean>
  /** Whether the round that is due now is the caller's: one process has it, and the next is due after `everyMs`. */
  takeRound(everyMs: number): Promise<boolean>
  /** Forgets what is old. */
  prune(): Promise<void>
}
