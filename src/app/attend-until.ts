import { UpstreamError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import type { Attendance } from './attend.js'

/**
 * Runs or follows a meeting until it is over, or until the signal: then a bot that runs here leaves and ends its meeting, and one that runs
 * elsewhere, or has been taken over by now, is left alone.
 */
export async function attendUntil(
  attendance: Pick<Attendance, 'attend' | 'leave' | 'running'>,
  id: MeetingId,
  signal: AbortSignal,
): Promise<void> {
  const watching = new AbortController()
  const leave = () => {
    attendance.leave('stop')
    if (attendance.running === 0) watching.abort(signal.reason)
  }
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  try {
    await attendance.attend(id, watching.signal)
  } catch (thrown) {
    // the claim was lost in that moment
    const isLeft = signal.aborted && thrown instanceof UpstreamError && thrown.code === 'stopping'
    if (!watching.signal.aborted && !isLeft) throw thrown
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
