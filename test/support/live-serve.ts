import { openHub } from '../../src/app/roles/feeds.js'
import { listen } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { Scope } from '../../src/core/scope.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { OpenStore } from '../../src/records/sql/open.js'
import { API_KEY, apiDeps } from './api-rig.js'

/** A process that serves live feeds of a store, as far as they are concerned. */
export interface LiveServe {
  readonly url: string
  readonly key: string
  close(): Promise<void>
}

/** Listens on a free port. The store stays the caller's. */
export async function liveServe(opened: OpenStore): Promise<LiveServe> {
  const scope = new Scope()
  const { store, access, work } = opened
  const hub = openHub({ records: opened, scope, clock: systemClock, logger: silentLogger })
  const server = await listen(createApi(apiDeps({ store, access, work, hub, rateLimit: 0 })), '127.0.0.1', 0)
  return {
    url: `http://127.0.0.1:${server.port}`,
    key: API_KEY,
    close: async () => {
      await hub.close()
      await server.close()
      await scope.close()
    },
  }
}
