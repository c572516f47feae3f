import { Scope } from '../core/scope.js'
import type { Settings } from './config/settings.js'
import { openControl } from './roles/control.js'
import { createFollowUp } from './roles/followup.js'
import { openGround, type ProcessParts } from './roles/ground.js'

/** Control plane and jobs in one process; bots are other processes on the same database. */
export interface Serve {
  readonly url: string
  readonly describes: { readonly database: string; readonly queue: string; readonly slack: string }
  /**
   * Takes nothing new, lets running steps end, closes everything. May be called twice.
   * @param hurry aborted: running steps go back to the queue
   */
  close(hurry: AbortSignal): Promise<void>
}

const JOBS_GRACE_MS = 30_000

/** @throws ConfigError, UpstreamError what could not be opened; everything opened before is closed again */
export async function startServe(settings: Settings, parts: ProcessParts): Promise<Serve> {
  const { logger } = parts
  const scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  let hurry: AbortSignal | undefined
  try {
    const ground = await openGround(settings, parts, scope)
    const followUp = createFollowUp(ground)
    const attend = () => Promise.reject(new Error('bots run in other processes'))
    const workers = await ground.jobs.startWorkers({ ...followUp.handlers, attend }, { attendConcurrency: 0 })
    scope.defer('workers', () => workers.close(JOBS_GRACE_MS, hurry))
    ground.relay.start()
    // meetings are begun in other processes: how full this one is does not matter to them
    const http = await openControl(ground, () => null)
    scope.defer('http', () => http.server.close())
    return {
      url: http.url,
      describes: { ...ground.describes, slack: followUp.describes },
      close: (given) => {
        hurry ??= given
        return scope.close()
      },
    }
  } catch (thrown) {
    await scope.close().catch((error: unknown) => logger.error({ err: error }, 'closing after a failed start failed too'))
    throw thrown
  }
}
