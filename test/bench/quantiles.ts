/** @returns the middle and the 99th of a hundred, nearest rank */
export function quantiles(values: readonly number[]): { p50: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

/** How many values are at most `upTo`, since the start. */
export interface Bucket {
  readonly upTo: number
  readonly count: number
}

/** A quantile of what came between two looks at a histogram of Prometheus, by straight lines within a bucket. @param before in the order of `after`, by size */
export function bucketQuantile(before: readonly Bucket[], after: readonly Bucket[], share: number): number {
  const counts = after.map(({ count }, at) => count - (before[at]?.count ?? 0))
  const wanted = share * (counts.at(-1) ?? 0)
  const at = counts.findIndex((count) => count >= wanted)
  const [fromCount, from] = at > 0 ? [counts[at - 1]!, after[at - 1]!.upTo] : [0, 0]
  const { upTo = Number.NaN } = after[at] ?? {}
  // what is above every bound is only known to be above
  return upTo === Number.POSITIVE_INFINITY ? from : from + ((upTo - from) * (wanted - fromCount)) / (counts[at]! - fromCount)
}
