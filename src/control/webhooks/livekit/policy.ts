import type { MeetingId } from '../../../core/ids.js'
import type { RoomMemory } from '../../../records/auto-join.js'
import { FINAL_STATES, type MeetingReason, type MeetingRecord, type MeetingState } from '../../../records/port.js'

/*
 * Whether a bot goes into a room by itself. Every decision is made from what the server says of the room now: webhooks only say that it
 * is worth asking, so their order, doubles and losses change nothing but the moment.
 *
 * J1  A room without a meeting, in which enough people are, gets one.
 * J2  A room with a meeting gets no second one. While that one is ending, the room is looked at again soon. One that has ended keeps its room
 *     for 10 s at most: what follows it may be held up for days.
 * J3  A meeting that a person stopped, or whose bot was removed, or that had its full length, is the last of its room until the room has
 *     been empty, or has ended. So is one whose record a person deleted.
 * J4  A meeting that failed is followed by another one after five minutes, or as in J3.
 * J5  A meeting that was started here and that nobody runs yet is cancelled when its room has ended.
 */

/** What the server says of a room. */
export interface RoomView {
  /** LiveKit's id of this room; another one of the same name has another */
  readonly sid: string
  /** ms since 1970 */
  readonly createdMs: number
  /** people in it; agents, recorders and streams are none */
  readonly people: number
}

/** What a decision rests on. */
export interface RoomCase {
  /** null: there is no such room */
  readonly view: RoomView | null
  /** the meeting of the room that goes on, else the last one; null: none is known */
  readonly last: Pick<MeetingRecord, 'id' | 'state' | 'reason' | 'startAt' | 'endedAt'> | null
  readonly memory: RoomMemory | null
  /** how many people a meeting takes */
  readonly minPeople: number
  /** ms since 1970 */
  readonly nowMs: number
}

/** What to do. */
export interface Decision {
  readonly act: 'start' | 'cancel' | 'look_again' | 'nothing'
  /** what is to be remembered; the same object when nothing changed */
  readonly memory: RoomMemory | null
}

/** A meeting that failed is not tried again before. */
export const AFTER_FAILURE_MS = 5 * 60_000
/** A meeting that ended so long ago is over, whatever still follows it. */
const FOLLOWED_UP_MS = 10_000

/** The room was empty at their end, or nobody meant the end: people who are there now are a new meeting. */
const FREE: readonly (MeetingReason | null)[] = [
  'everybody_left',
  'nobody_came',
  'room_closed',
  'shutdown',
  'no_bot_in_time',
  'room_taken',
  null,
]
/** Somebody, or a limit, said no. */
const HELD: readonly (MeetingReason | null)[] = ['stopped', 'removed', 'too_long', 'duplicate_identity']
const ENDING: readonly MeetingState[] = ['draining', 'finalising']

/** Whether the people in a room matter to the decision: not while its meeting goes on. */
export const needsPeople = (last: { readonly state: MeetingState } | null): boolean =>
  last === null || FINAL_STATES.includes(last.state) || ENDING.includes(last.state)

/** What to do about a room. Pure. */
export function decide(room: RoomCase): Decision {
  const { view, last, memory, minPeople } = room
  const isEnough = view !== null && view.people >= minPeople
  if (last && !isOver(last, room.nowMs)) return running(last, room, isEnough)
  const after = ended(room)
  const act = isEnough && !isHeld(room, after) ? 'start' : 'nothing'
  return { act, memory: memory && after && same(memory, after) ? memory : after }
}

const isOver = ({ state, endedAt }: Pick<MeetingRecord, 'state' | 'endedAt'>, nowMs: number): boolean =>
  FINAL_STATES.includes(state) || (state === 'finalising' && endedAt !== null && nowMs - Date.parse(endedAt) >= FOLLOWED_UP_MS)

function running(last: NonNullable<RoomCase['last']>, { view, memory }: RoomCase, isEnough: boolean): Decision {
  const known = memory?.meetingId === last.id ? memory : null
  const isOwn = known?.isOwn ?? false
  if (view === null && isOwn && last.state === 'queued') return { act: 'cancel', memory: { ...known!, isCleared: true } }
  const now: RoomMemory = { meetingId: last.id, sid: view?.sid ?? known?.sid ?? null, isOwn, isCleared: false }
  return { act: isEnough && ENDING.includes(last.state) ? 'look_again' : 'nothing', memory: known && same(known, now) ? known : now }
}

/** What is known once the meeting is over: whether the room has been empty, or is another one, since. */
function ended({ view, last, memory }: RoomCase): RoomMemory | null {
  const subject = memory && isGone(memory, last) ? memory.meetingId : last?.id
  if (subject === undefined) return memory
  const known = memory?.meetingId === subject ? memory : null
  const isAnother =
    view !== null &&
    (known?.sid
      ? known.sid !== view.sid
      : last?.endedAt !== null && last?.endedAt !== undefined && view.createdMs > Date.parse(last.endedAt))
  const isCleared = (known?.isCleared ?? false) || view === null || view.people === 0 || isAnother
  return { meetingId: subject, sid: known?.sid ?? view?.sid ?? null, isOwn: known?.isOwn ?? false, isCleared }
}

/**
 * Whether the meeting that is remembered is no longer stored: ids of version 7 grow, so a newer one would be the last; but one that was asked
 * for before it, and for later, came after it.
 */
function isGone({ meetingId }: RoomMemory, last: RoomCase['last']): boolean {
  if (last === null) return true
  return last.id < meetingId && (last.startAt === null || Date.parse(last.startAt) <= madeMs(meetingId))
}

/** When an id of version 7 was made, ms since 1970. */
const madeMs = (id: MeetingId): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

function isHeld({ last, nowMs }: RoomCase, after: RoomMemory | null): boolean {
  if (after === null || after.isCleared) return false
  // deleted: whoever did that does not want another one
  if (last?.id !== after.meetingId) return true
  if (FREE.includes(last.reason)) return false
  if (HELD.includes(last.reason)) return true
  return last.endedAt !== null && nowMs - Date.parse(last.endedAt) < AFTER_FAILURE_MS
}

const same = (a: RoomMemory, b: RoomMemory): boolean =>
  a.meetingId === b.meetingId && a.sid === b.sid && a.isOwn === b.isOwn && a.isCleared === b.isCleared
