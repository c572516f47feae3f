import { NotFoundError } from '../../core/errors.js'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import type { MeetingRecord, MeetingStore } from '../../records/port.js'
import { mayRoom, type Caller } from '../auth/caller.js'

const missing = (id: string) => new NotFoundError(`there is no meeting ${id.slice(0, 64)}`)

/** A meeting that the caller may see; a foreign or a deleted one is told like one that does not exist. @throws NotFoundError */
export function visibleMeeting(store: Pick<MeetingStore, 'meeting'>, caller: Caller, id: string): Promise<MeetingRecord> {
  return ifVisible(
    caller,
    id,
    (own) => store.meeting(own),
    (meeting) => meeting,
  )
}

/** The same, and the step that holds it up. @throws NotFoundError */
export function visibleWithStep(
  store: Pick<MeetingStore, 'meetingWithStep'>,
  caller: Caller,
  id: string,
): ReturnType<MeetingStore['meetingWithStep']> {
  return ifVisible(
    caller,
    id,
    (own) => store.meetingWithStep(own),
    ({ meeting }) => meeting,
  )
}

async function ifVisible<T>(
  caller: Caller,
  id: string,
  read: (id: MeetingId) => Promise<T>,
  meetingOf: (read: T) => MeetingRecord,
): Promise<T> {
  if (caller.meetingId !== null && caller.meetingId !== id) throw missing(id)
  const found = await read(asMeetingId(id))
  const meeting = meetingOf(found)
  if (meeting.deletedAt !== null || !mayRoom(caller, meeting.room)) throw missing(id)
  return found
}
