import type { MeetingId } from '../../core/ids.js'
import type { Permission } from '../../records/access.js'

/** Who sent a request. */
export interface Caller {
  /** id of the key; `settings` for the key of the settings */
  readonly id: string
  readonly name: string
  readonly scopes: readonly Permission[]
  /** patterns of room names with `*`; null: every room */
  readonly rooms: readonly string[] | null
  /** a signed link sees this meeting and nothing else */
  readonly meetingId: MeetingId | null
  /** a signed link that lets its holder join the room as a guest */
  readonly mayJoin: boolean
  /** when a link or a session ends, wall clock; null: a key does not by itself */
  readonly expiresMs: number | null
}

/** What routes find on a request: `c.get('caller')`. */
export interface ApiEnv {
  Variables: {
    caller: Caller
    /** the meeting that a write made or touched, for the log of writes; absent: what the path says */
    touched?: string
    /** what the caller said about a write, for the same */
    note?: string
  }
}

/** Whose allowance and whose Idempotency-Keys a request counts to: a key, or whoever holds its links to one meeting. */
export const actorOf = ({ id, meetingId }: Pick<Caller, 'id' | 'meetingId'>): string =>
  meetingId === null ? id : `${id} link ${meetingId}`

/** Whether the caller holds a permission, by itself or within a larger one. */
export function holds(caller: Pick<Caller, 'scopes'>, wanted: Permission): boolean {
  if (caller.scopes.includes('admin')) return true
  return caller.scopes.includes(wanted) || (wanted === 'meetings:read' && caller.scopes.includes('meetings:write'))
}

/** Whether a name matches a pattern in which `*` stands for any characters; linear in both lengths but for backtracking to the last star. */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0
  let star = -1
  let resumeAt = 0
  let p = 0
  while (at < name.length) {
    if (pattern[p] === '*') {
      star = p++
      resumeAt = at
    } else if (pattern[p] === name[at]) {
      p++
      at++
    } else if (star >= 0) {
      p = star + 1
      at = ++resumeAt
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** Whether the caller may see and touch a room. */
export function mayRoom({ rooms }: Pick<Caller, 'rooms'>, room: string): boolean {
  return rooms === null || rooms.some((pattern) => matchesPattern(pattern, room))
}
