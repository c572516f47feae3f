import type { SttOpenOptions } from '../port.js'
import { AudioBuffer } from './audio-buffer.js'
import { takeBacklog } from './backlog.js'
import type { Spool } from './spool.js'

/**
 * The buffer that a session begins with: its backlog's, or a new one.
 * @param ringBytes bound of what is in memory
 * @throws {StateError} the backlog is not to be had
 */
export function sessionBuffer(
  spool: Spool | null,
  { meetingId, sessionId, channels, backlog }: SttOpenOptions,
  ringBytes: number,
): AudioBuffer {
  if (backlog) return takeBacklog(backlog, channels)
  return spool?.buffer(meetingId, sessionId, channels, ringBytes) ?? new AudioBuffer(channels, ringBytes)
}
