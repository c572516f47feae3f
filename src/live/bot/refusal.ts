import { Alarm } from '../../core/alarm.js'
import type { SttPort } from '../stt/port.js'

const refusals = new WeakMap<SttPort, Alarm>()

/** Whether people have been told that a speech service refuses (key, payment): once for all its meetings, until it takes a session. */
export function refusalOf(stt: SttPort): Alarm {
  const known = refusals.get(stt) ?? new Alarm()
  refusals.set(stt, known)
  return known
}
