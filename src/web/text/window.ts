/** A part of a long list that is shown: rows `from` to `to`, half-open. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** Rows of a transcript that are in the page at once, and how many a press of "earlier" or "later" adds. */
export const WINDOW_ROWS = 600
export const WINDOW_STEP = 300

/** The window of at most `size` rows with row `at` in its middle, as far as the ends allow. */
export function windowAround(at: number, total: number, size = WINDOW_ROWS): Window {
  const from = Math.max(0, Math.min(at - Math.floor(size / 2), total - size))
  return { from, to: Math.min(total, from + size) }
}

/** The window moved by so many rows, never beyond the ends. */
export function moved(window: Window, by: number, total: number): Window {
  const size = window.to - window.from
  const from = Math.max(0, Math.min(window.from + by, total - size))
  return { from, to: Math.min(total, from + size) }
}

/** The row that a moment belongs to: the last one that has begun by then, else the first. @returns -1 without rows */
export function rowAt(rows: readonly { readonly startMs: number }[], ms: number): number {
  if (rows.length === 0) return -1
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle]?.startMs ?? 0) <= ms) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}
