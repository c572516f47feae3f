import type { Permission } from '../../records/access.js'
import { holds, type Caller } from './caller.js'

const READS = new Set(['GET', 'HEAD'])
/** what concerns everybody, or every meeting: for admins */
const ADMIN = /^\/(v1\/(keys|audit|dead-letters)|queues)(\/|$)/
const OF_MEETING = /^\/v1\/meetings\/([^/]+)(\/[a-z]+)?$/

/** Whether a request changes something. */
export const isWrite = (method: string): boolean => !READS.has(method)

/** What a key has to hold for a request. */
export function permissionFor(method: string, path: string): Permission {
  if (ADMIN.test(path)) return 'admin'
  return isWrite(method) ? 'meetings:write' : 'meetings:read'
}

/** Whether a caller may send a request: `missing` is told like a thing that does not exist. Rooms are the routes' own matter. */
export function verdictOn(caller: Caller, method: string, path: string): 'ok' | 'forbidden' | 'missing' {
  if (caller.meetingId !== null) {
    const [, id, rest] = OF_MEETING.exec(path) ?? []
    if (id === undefined) return 'forbidden'
    if (id !== caller.meetingId) return 'missing'
    if (method === 'POST' && rest === '/guest') return caller.mayJoin ? 'ok' : 'forbidden'
    return isWrite(method) ? 'forbidden' : 'ok'
  }
  return holds(caller, permissionFor(method, path)) ? 'ok' : 'forbidden'
}
