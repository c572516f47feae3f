import { NotFoundError } from '../../core/errors.js'
import { asMeetingId } from '../../core/ids.js'
import type { MeetingRecord, MeetingStore } from '../../records/port.js'
import { mayRoom, type Caller } from '../auth/caller.js'

/** A meeting that the caller may see; a foreign or a deleted one is told like one that does not exist. @throws NotFoundError */
export async function visibleMeeting(store: Pick<MeetingStore, 'meeting'>, caller: Caller, id: string): Promise<MeetingRecord> {
  const missing = () => new NotFoundError(`there is no meeting ${id.slice(0, 64)}`)
  if (caller.meetingId !== null && caller.meetingId !== id) throw missing()
  const meeting = await store.meeting(asMeetingId(id))
  if (meeting.deletedAt !== null || !mayRoom(caller, meeting.room)) throw missing()
  return meeting
}
