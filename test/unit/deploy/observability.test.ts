import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/observe/metrics.js'
import { readQuery } from '../../support/promql.js'
import { parseYaml } from '../../support/yaml.js'

const fileOf = (path: string) => readFile(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8')

interface Target {
  readonly expr: string
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
}

/** Every series that a process tells, with the labels that it may carry. */
async function series(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = createMetrics({ process: true })
  metrics.meetingsByState.set(1, { state: 'live' })
  metrics.queueJobs.set(1, { queue: 'attend', state: 'waiting' })
  metrics.meetings.add(1, { state: 'done', reason: 'stopped' })
  metrics.gaps.add(1, { reason: 'x' })
  metrics.doubts.add(1, { doubt: 'x' })
  metrics.lostSec.add(1, { reason: 'x' })
  metrics.sessionsEnded.add(1, { reason: 'x' })
  const { body } = await metrics.text()
  const found = new Map<string, Set<string>>()
  for (const line of body.split('\n')) {
    const match = /^([a-z0-9_:]+)(?:\{([^}]*)\})? /.exec(line)
    if (!match?.[1]) continue
    const labels = found.get(match[1]) ?? new Set(['job', 'instance', 'namespace'])
    for (const [, name = ''] of (match[2] ?? '').matchAll(/([a-z_]+)="/g)) labels.add(name)
    found.set(match[1], labels)
  }
  return found
}

async function check(query: string, known: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
  const { metrics, labels } = readQuery(query)
  expect(metrics.length).toBeGreaterThan(0)
  const all = new Set<string>()
  for (const metric of metrics) {
    const its = known.get(metric)
    if (!its) throw new Error(`no process tells ${metric}: ${query}`)
    for (const label of its) all.add(label)
  }
  for (const label of labels) if (!all.has(label)) throw new Error(`nothing in ${query} has the label ${label}`)
}

test('every query of the dashboard parses, and names only metrics and labels that there are', async () => {
  const known = await series()
  const dashboard = JSON.parse(await fileOf('grafana/roomscribe.json')) as { readonly panels: readonly Panel[] }
  const targets = dashboard.panels.flatMap(({ targets = [] }) => targets)
  expect(targets.length).toBeGreaterThan(20)
  for (const { expr } of targets) await check(expr.replaceAll('$job', 'roomscribe'), known)
})

test('panels have ids of their own and do not lie on each other', async () => {
  const { panels } = JSON.parse(await fileOf('grafana/roomscribe.json')) as { readonly panels: readonly Panel[] }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = new Set<string>()
  for (const { gridPos, title } of panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const cell = `${x}/${y}`
        if (cells.has(cell)) throw new Error(`${title} lies on another panel`)
        cells.add(cell)
      }
    }
  }
})

test('every alert has a query of metrics that there are, a severity and words', async () => {
  const known = await series()
  const { groups } = parseYaml(await fileOf('prometheus/alerts.yaml')) as {
    groups: { rules: { alert: string; expr: string; for?: string; labels: { severity: string }; annotations: Record<string, string> }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
  for (const { alert, expr, labels, annotations, for: since } of rules) {
    expect(alert).toMatch(/^Roomscribe[A-Z]/)
    await check(expr, known)
    expect(['page', 'ticket']).toContain(labels.severity)
    expect(Object.keys(annotations).sort()).toEqual(['description', 'summary'])
    expect(since ?? '1m').toMatch(/^\d+[smh]$/)
  }
})

test('the reader of queries refuses what Prometheus refuses', () => {
  for (const wrong of ['sum(', 'sum by (a', 'x{a=b}', 'x{a="b"', 'x +', 'x y', 'frobnicate(x)', 'x[5]', '']) {
    expect(() => readQuery(wrong), wrong).toThrow()
  }
})
