import type { Timeline } from '../api/types.js'

/** A bar of the picture: px from the left end, half-open. */
export interface Bar {
  readonly x: number
  readonly width: number
  readonly fromMs: number
  readonly toMs: number
}

/** What one person did. */
export interface Lane {
  readonly identity: string | null
  readonly name: string | null
  readonly talkMs: number
  readonly speech: readonly Bar[]
  readonly gaps: readonly (Bar & { readonly reason: string })[]
}

/** Distances between ticks, ms. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400].map((sec) => sec * 1000)

/** Bars of runs of time; those that would touch in the picture become one, so that there are never more than pixels. */
export function bars(runs: readonly { readonly fromMs: number; readonly toMs: number }[], durationMs: number, width: number): Bar[] {
  const perMs = width / Math.max(1, durationMs)
  const found: { x: number; end: number; fromMs: number; toMs: number }[] = []
  for (const { fromMs, toMs } of runs.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const x = clamp(fromMs * perMs, width)
    const end = Math.max(clamp(toMs * perMs, width), x + 1.5)
    const last = found.at(-1)
    if (last !== undefined && x <= last.end + 0.5) {
      last.end = Math.max(last.end, end)
      last.toMs = Math.max(last.toMs, toMs)
    } else found.push({ x, end, fromMs, toMs })
  }
  return found.map(({ x, end, fromMs, toMs }) => ({
    x: round(x),
    width: round(Math.max(0.5, Math.min(end, width + 1.5) - x)),
    fromMs,
    toMs,
  }))
}

/** The lanes of a timeline, who spoke most first; `width` in px. */
export function lanes({ speech, gaps, durationMs }: Timeline, width: number): Lane[] {
  const of = new Map<string | null, { name: string | null; speech: Timeline['speech'][number][]; gaps: Timeline['gaps'][number][] }>()
  const laneOf = (identity: string | null, name: string | null) => {
    const lane = of.get(identity) ?? { name, speech: [], gaps: [] }
    of.set(identity, lane)
    return lane
  }
  for (const run of speech) laneOf(run.identity, run.name).speech.push(run)
  for (const gap of gaps) laneOf(gap.identity, null).gaps.push(gap)
  return [...of]
    .map(([identity, lane]) => ({
      identity,
      name: lane.name,
      talkMs: lane.speech.reduce((sum, { fromMs, toMs }) => sum + Math.max(0, toMs - fromMs), 0),
      speech: bars(lane.speech, durationMs, width),
      gaps: [...byReason(lane.gaps)].flatMap(([reason, some]) => bars(some, durationMs, width).map((bar) => ({ ...bar, reason }))),
    }))
    .toSorted((a, b) => b.talkMs - a.talkMs)
}

/** Moments for the axis: round ones, at least `apartPx` from each other. */
export function ticks(durationMs: number, width: number, apartPx = 80): number[] {
  const step = STEPS.find((ms) => (ms / Math.max(1, durationMs)) * width >= apartPx) ?? 28_800_000
  const found = []
  for (let at = 0; at <= durationMs && found.length < 200; at += step) found.push(at)
  return found
}

const clamp = (x: number, width: number): number => Math.max(0, Math.min(width, x))
const round = (x: number): number => Math.round(x * 10) / 10

function byReason(gaps: Timeline['gaps']): Map<string, Timeline['gaps'][number][]> {
  const groups = new Map<string, Timeline['gaps'][number][]>()
  for (const gap of gaps) {
    const group = groups.get(gap.reason)
    if (group === undefined) groups.set(gap.reason, [gap])
    else group.push(gap)
  }
  return groups
}
