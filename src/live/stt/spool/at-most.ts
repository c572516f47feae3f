import type { Clock } from '../../../core/time.js'

/** Waits for work that does not throw, but not for longer than `ms`; a disk may never answer. */
export function atMost(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve)
    void work.then(() => {
      cancel()
      resolve()
    })
  })
}
