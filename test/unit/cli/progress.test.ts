import { expect, test } from 'vitest'
import { LiveView } from '../../../src/cli/terminal/live-view.js'
import { createPaint } from '../../../src/cli/terminal/paint.js'
import { Progress } from '../../../src/cli/terminal/progress.js'

function rig() {
  const lines: string[] = []
  let nowMs = 0
  const view = {
    status: (text: string, isMilestone: boolean) => lines.push(`${isMilestone ? '* ' : ''}${text}`),
    note: (text: string) => lines.push(`note ${text}`),
  }
  const progress = new Progress(view, 120_000, () => nowMs)
  const at = (ms: number, playedMs: number, isHeld = false) => {
    nowMs = ms
    progress.played(playedMs, isHeld)
  }
  return { lines, at }
}

test('progress is shown twice a second, and every half minute is worth a line', () => {
  const { lines, at } = rig()
  for (let ms = 0; ms <= 31_000; ms += 100) at(ms, ms * 2)
  expect(lines).toHaveLength(63)
  expect(lines.slice(0, 2)).toEqual(['00:00 of 02:00 (0 %)', '00:01 of 02:00 (0 %)'])
  expect(lines.filter((line) => line.startsWith('*'))).toEqual(['* 01:00 of 02:00 (50 %)'])
})

test('a speech service that is waited for longer than 5 s is told of, once', () => {
  const { lines, at } = rig()
  const notes = () => lines.filter((line) => line.startsWith('note'))
  at(0, 0, true)
  at(4_900, 0, true)
  at(4_950, 50)
  at(5_000, 50, true)
  at(9_900, 50, true)
  expect(notes()).toEqual([])
  at(10_000, 50, true)
  at(20_000, 50, true)
  expect(notes()).toEqual(['note the speech service does not keep up: it is waited for'])
})

test('the status stands below all else on a terminal, and is gone at the end; elsewhere only milestones are printed', () => {
  for (const isTTY of [true, false]) {
    let written = ''
    const view = new LiveView({ isTTY, write: (text: string) => (written += text) }, createPaint(false), () => 0)
    view.status('10 %', false)
    view.interim({ key: '1', identity: 'ann', name: 'ann', startMs: 0, text: 'hel' })
    view.status('20 %', true)
    const drawn = written.slice(written.lastIndexOf('\u001b[0J') + 4)
    if (isTTY) expect(drawn.split('\n').map((line) => line.trim())).toEqual(['00:00 ann              … hel', '20 %', ''])
    else expect(written).not.toContain('10 %')
    expect(written).toContain('20 %')
    view.end()
    if (isTTY) expect(written.endsWith('\u001b[2A\u001b[0J')).toBe(true)
  }
})
