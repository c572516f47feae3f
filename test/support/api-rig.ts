import type { ApiDeps } from '../../src/control/api/server.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { FakeQueue } from './fake-queue.js'
import { MemoryAccess } from './memory-access.js'
import { MemoryStore } from './memory-store.js'
import { MemoryWork } from './memory-work.js'

/** Admin key of `apiDeps`. */
export const API_KEY = 'k'.repeat(24)

/** Everything that an API needs, in memory, unless given. */
export function apiDeps(given: Partial<ApiDeps> = {}): ApiDeps {
  const queue = new FakeQueue()
  return {
    store: new MemoryStore(),
    queue,
    work: new MemoryWork(),
    deadLetters: queue,
    access: new MemoryAccess(),
    hub: { read: () => Promise.reject(new Error('not asked')) },
    renderTranscript: () => Promise.reject(new Error('not asked')),
    deletedSoon: () => undefined,
    guest: null,
    clock: systemClock,
    rateLimit: 0,
    defaultLanguage: null,
    apiKey: API_KEY,
    notReady: () => Promise.resolve(null),
    metrics: () => Promise.resolve({ contentType: 'text/plain', body: '' }),
    logger: silentLogger,
    ...given,
  }
}
