import { systemClock } from '../../src/core/time.js'

const POLL_MS = 25

/** Resolves when the condition holds. @throws after `timeoutMs`, naming the condition's source */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const endMs = systemClock.monotonicMs() + timeoutMs; !(await condition()); await systemClock.sleep(POLL_MS)) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`did not become true in ${timeoutMs} ms: ${condition.toString()}`)
  }
}
