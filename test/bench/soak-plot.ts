/** What is looked at every ten seconds of a soak. */
export interface Sample {
  readonly atSec: number
  readonly serveMb: number
  /** of `serve`: what its collections left, and the garbage since */
  readonly serveHeapMb: number
  /** mean of the bots that live */
  readonly botsMb: number
  readonly serveLoopP99Ms: number
  /** told so far, sum over people */
  readonly gapsSec: number
}

const WIDTH = 900
const ROW = 150
const MARGIN = 60
const LINES = [
  { label: 'serve, MB resident', of: (sample: Sample) => sample.serveMb },
  { label: 'serve, MB of heap in use', of: (sample: Sample) => sample.serveHeapMb },
  { label: 'bots, mean MB resident', of: (sample: Sample) => sample.botsMb },
  { label: 'serve, event loop p99, ms', of: (sample: Sample) => sample.serveLoopP99Ms },
  { label: 'gaps told, s', of: (sample: Sample) => sample.gapsSec },
]

/** An SVG picture: one curve below the other over the same time. */
export function plot(samples: readonly Sample[]): string {
  const lastSec = Math.max(1, samples.at(-1)?.atSec ?? 1)
  const rows = LINES.map(({ label, of }, index) => {
    const values = samples.map(of).filter(Number.isFinite)
    const top = Math.max(1, ...values)
    const y0 = (index + 1) * ROW
    const points = samples
      .filter((sample) => Number.isFinite(of(sample)))
      .map((sample) => {
        const x = MARGIN + (sample.atSec / lastSec) * (WIDTH - 2 * MARGIN)
        return `${x.toFixed(1)},${(y0 - (of(sample) / top) * (ROW - 50)).toFixed(1)}`
      })
    return [
      `<text x="${MARGIN}" y="${y0 - ROW + 40}">${label}: last ${(values.at(-1) ?? 0).toFixed(1)}, most ${top.toFixed(1)}</text>`,
      `<path d="M${MARGIN} ${y0}H${WIDTH - MARGIN}" stroke="#bbb"/>`,
      `<polyline points="${points.join(' ')}" fill="none" stroke="#06c" stroke-width="1.5"/>`,
    ].join('\n')
  })
  const height = LINES.length * ROW + 40
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${rows.join('\n')}
<text x="${WIDTH - MARGIN}" y="${height - 10}" text-anchor="end">${Math.round(lastSec / 60)} min</text>
</svg>
`
}
