import { Alarm } from '../../core/alarm.js'
import type { MeetingReason } from '../../records/port.js'
import type { SttEndReason, SttPort } from '../stt/port.js'

/** Ends of a session after which no other one is taken, until somebody puts it right; and how a meeting is called that fails of it. */
export const FATAL: Partial<Record<SttEndReason, MeetingReason>> = {
  unauthorized: 'speech_unauthorized',
  payment_required: 'speech_payment_required',
  rejected: 'speech_rejected',
  unreachable: 'speech_unreachable',
}

const refusals = new WeakMap<SttPort, Alarm>()

/** Whether people have been told that a speech service refuses (key, payment): once for all its meetings, until it takes a session. */
export function refusalOf(stt: SttPort): Alarm {
  const known = refusals.get(stt) ?? new Alarm()
  refusals.set(stt, known)
  return known
}
