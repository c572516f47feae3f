import { z } from 'zod'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import { InputError } from '../../core/errors.js'

/** What every job carries. A new version adds a member to this union; old jobs in the queue stay readable. */
const payloadSchema = z.object({ v: z.literal(1), meetingId: z.uuid() })

/** The payload of a job: a version and the meeting; everything else is read from the store when the job runs. */
export interface JobPayload {
  readonly v: 1
  readonly meetingId: string
}

/** The payload for a meeting. */
export const payloadOf = (id: MeetingId): JobPayload => ({ v: 1, meetingId: id })

/**
 * Reads the payload of a job that came from the queue.
 * @throws InputError when it is not one of ours: such a job is never retried
 */
export function parsePayload(raw: unknown): MeetingId {
  const parsed = payloadSchema.safeParse(raw)
  if (parsed.success) return asMeetingId(parsed.data.meetingId)
  const problems = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
  throw new InputError('the job carries a payload that this version cannot read', problems)
}

/** As `parsePayload`, null when it is not one of ours. */
export function meetingOf(raw: unknown): MeetingId | null {
  const parsed = payloadSchema.safeParse(raw)
  return parsed.success ? asMeetingId(parsed.data.meetingId) : null
}
