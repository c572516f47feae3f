/** Bounds of a growing wait. */
export interface BackoffPolicy {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * Exponential wait with full jitter: uniform in [0, min(maxMs, firstMs x 2^attempt)].
 * @param attempt 0 for the first wait
 * @param random in [0, 1), injected so that a seed replays
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015
 */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  const ceiling = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempt, 30))
  return random() * ceiling
}
