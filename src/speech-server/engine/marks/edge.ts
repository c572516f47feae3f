/** Amplitudes of the code tones of the latest windows: a ring, row `window % size`. */
export interface AmplitudeTrace {
  /** windows kept */
  readonly size: number
  /** values a row */
  readonly tones: number
  readonly values: Float32Array
}

/**
 * The full amplitude of a mark is this quantile over its windows: the median would sink with every hole, since a hole of 20 ms
 * darkens ten of about thirty windows.
 */
const FULL_QUANTILE = 0.75

/**
 * Where a mark begins or ends: its tones' summed amplitude crosses half of its full value.
 * @param tones which tones count, counted from the first code tone
 * @param first first window that read it, @param last last one; both with `reach` more around them are still in the ring
 * @param step -1 looks for the start, 1 for the end
 * @returns a window number with fractions
 */
export function findEdge(
  trace: AmplitudeTrace,
  tones: readonly number[],
  first: number,
  last: number,
  step: -1 | 1,
  reach: number,
): number {
  const level = (window: number): number => {
    if (window < 0) return 0
    const row = (window % trace.size) * trace.tones
    let sum = 0
    for (const tone of tones) sum += trace.values[row + tone]!
    return sum
  }
  const levels = Array.from({ length: last - first + 1 }, (_, at) => level(first + at)).sort((a, b) => a - b)
  const half = levels[Math.floor(levels.length * FULL_QUANTILE)]! / 2
  const origin = step < 0 ? first : last
  let inside = origin
  // the outermost readable window may already lie beyond the edge
  while (level(inside) < half && inside - step >= first && inside - step <= last) inside -= step
  let outside = inside + step
  while (level(outside) >= half && Math.abs(outside - origin) < reach) outside += step
  const high = level(outside - step)
  const low = level(outside)
  const part = high > low ? Math.min(1, (high - half) / (high - low)) : 0
  return outside - step + part * step
}
