/** When a process has done enough: the native library keeps 0.5 to 1 MB of each join. */
export interface RecyclePolicy {
  /** meetings that have ended; 0: any number */
  readonly meetings: number
  /** growth of resident memory since the start, MB; 0: any growth */
  readonly growthMb: number
}

const BYTES = 1024 * 1024
/** Processes that were started together do not retire together. */
const SPREAD = 0.2

/** The policy of one process: up to a fifth earlier, by chance, and never before the first meeting. @param random in [0, 1) */
export function spread(policy: RecyclePolicy, random: () => number): RecyclePolicy {
  const share = 1 - SPREAD * random()
  return { meetings: policy.meetings === 0 ? 0 : Math.max(1, Math.round(policy.meetings * share)), growthMb: policy.growthMb * share }
}

/** @returns why the process should give way to a fresh one, in words; null: it should not */
export function whyRecycle(policy: RecyclePolicy, facts: { readonly meetings: number; readonly growthBytes: number }): string | null {
  if (policy.meetings > 0 && facts.meetings >= policy.meetings) return `${facts.meetings} meetings have ended here`
  const growthMb = Math.round(facts.growthBytes / BYTES)
  if (policy.growthMb > 0 && facts.growthBytes >= policy.growthMb * BYTES) return `memory has grown by ${growthMb} MB`
  return null
}
