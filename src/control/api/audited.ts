import type { MiddlewareHandler } from 'hono'
import { toError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { AccessBook } from '../../records/access.js'
import type { ApiEnv } from '../auth/caller.js'
import { isWrite } from '../auth/policy.js'

const MEETING = /^\/v1\/meetings\/([0-9a-f-]{36})/
const LONGEST_PATH = 300

/** Notes every write that a known caller asked for, and what was answered. A log that cannot be written refuses nobody. */
export function audited(access: Pick<AccessBook, 'audit'>, logger: Logger): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    await next()
    const { method, path } = c.req
    if (!isWrite(method)) return
    const { id, name } = c.get('caller')
    const meetingId = c.get('touched') ?? MEETING.exec(path)?.[1] ?? null
    const entry = {
      keyId: id,
      keyName: name,
      method,
      path: path.slice(0, LONGEST_PATH),
      status: c.res.status,
      meetingId,
      note: c.get('note') ?? null,
    }
    try {
      await access.audit(entry)
    } catch (thrown) {
      logger.warn({ err: toError(thrown), ...entry, note: undefined }, 'write is not in the log of writes')
    }
  }
}
