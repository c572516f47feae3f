/** The page's clock: the only file of the page that sets timers (lint), as `core/time` is for the server. */
export const clock = {
  /** wall clock, ms since 1970 */
  nowMs: (): number => Date.now(),
  /** @returns the cancel function */
  after: (ms: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  /** @returns the cancel function */
  every: (ms: number, run: () => void): (() => void) => {
    const timer = setInterval(run, ms)
    return () => clearInterval(timer)
  },
  /** Resolves after `ms`, or at once when the signal aborts. */
  pause: (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
    }),
}
export type PageClock = typeof clock
