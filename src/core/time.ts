/** The only file that reads a clock or sets a timer (lint): everything else is given a `Clock`. */

/** Time as the rest of the code sees it. */
export interface Clock {
  /** wall clock, ms since 1970; for records only, never for durations */
  nowMs(): number
  /** monotonic clock in ms, with fractions; the same clock in every process of one host (`process.hrtime`) */
  monotonicMs(): number
  /** resolves after `ms`, rejects with `signal.reason` when aborted */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** calls `run` once after `ms` unless cancelled; returns the cancel function */
  after(ms: number, run: () => void): () => void
  /** calls `run` every `ms`, each time computed from the previous one so that drift does not add up; returns the cancel function */
  every(ms: number, run: () => void): () => void
}

/** `Clock.sleep` by means of `after`. */
export function sleepBy(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The real clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: (ms, signal) => sleepBy(systemClock, ms, signal),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  every: (ms, run) => {
    let next = systemClock.monotonicMs() + ms
    let timer = setTimeout(fire, ms)
    let stopped = false
    function fire() {
      run()
      if (stopped) return
      const now = systemClock.monotonicMs()
      // after a stall the missed calls are dropped, not made up for: whoever needs them computes from the clock
      next = Math.max(next + ms, now)
      timer = setTimeout(fire, next - now)
    }
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  },
}
