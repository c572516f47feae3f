import { FINAL_STATES, MEETING_STATES, type MeetingState } from '../port.js'

/** Whether a meeting in this state is over: nothing about its state changes any more. */
export function isFinal(state: MeetingState): boolean {
  return FINAL_STATES.includes(state)
}

/**
 * The states from which `to` may be reached. T1 a final state never changes. T2 what was once queued is not scheduled
 * again. T3 after `finalising` the room is not joined again. T4 what is scheduled is queued first, which gives it its room. A state may be written again (a retry of the same write).
 */
export function statesBefore(to: MeetingState): readonly MeetingState[] {
  return MEETING_STATES.filter((from) => from === to || mayFollow(from, to))
}

function mayFollow(from: MeetingState, to: MeetingState): boolean {
  if (isFinal(from)) return false
  if (isFinal(to)) return true
  if (from === 'finalising') return false
  if (from === 'scheduled') return to === 'queued'
  return to !== 'scheduled'
}
