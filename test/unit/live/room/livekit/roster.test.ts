import { describe, expect, test } from 'vitest'
import { asIdentity } from '../../../../../src/core/ids.js'
import { Roster, type RosterAction, type RosterEvent } from '../../../../../src/live/room/livekit/roster.js'

const anna = asIdentity('anna')
const joined = (name = 'Anna'): RosterEvent => ({ kind: 'joined', participant: { identity: anna, name } })
const left = (certain: boolean): RosterEvent => ({ kind: 'left', identity: anna, certain })
const times = { holdMs: 300, graceMs: 15_000 }

/** Applies events at their times; gives what was done at each. */
function run(...steps: [atMs: number, event: RosterEvent][]): { done: RosterAction[][]; roster: Roster } {
  const roster = new Roster(times)
  return { done: steps.map(([atMs, event]) => roster.apply(event, atMs)), roster }
}
const gone: RosterAction = { kind: 'left', identity: anna }

describe('roster', () => {
  test('R1 a departure with a reason is reported at once, and again somebody joins', () => {
    const { done } = run([0, joined()], [10, left(true)], [20, joined()])
    expect(done).toEqual([
      [{ kind: 'joined', participant: { identity: anna, name: 'Anna' } }],
      [gone],
      [expect.objectContaining({ kind: 'joined' })],
    ])
  })

  test('R1 a departure without a reason is held, and reported when the time is over', () => {
    const { done, roster } = run([0, joined()], [10, left(false)], [309, { kind: 'tick' }])
    expect(done.slice(1)).toEqual([[], []])
    expect(roster.deadlineMs).toBe(310)
    expect(roster.apply({ kind: 'tick' }, 310)).toEqual([gone])
    expect(roster.deadlineMs).toBe(Infinity)
  })

  test('R1 a second departure while held does not put it off', () => {
    const { roster } = run([0, joined()], [10, left(false)], [200, left(false)])
    expect(roster.deadlineMs).toBe(310)
  })

  test('R2 whoever comes back while held never left; a changed name is reported', () => {
    const { done, roster } = run([0, joined()], [10, left(false)], [11, joined()], [20, left(false)], [21, joined('Anna B.')])
    expect(done.slice(1)).toEqual([[], [], [], [{ kind: 'renamed', participant: { identity: anna, name: 'Anna B.' } }]])
    expect(roster.apply({ kind: 'tick' }, 99_999)).toEqual([])
  })

  test.each([
    [
      'before',
      [
        [10, left(false)],
        [85, { kind: 'reconnecting' }],
      ],
    ],
    [
      'after',
      [
        [10, { kind: 'reconnecting' }],
        [85, left(false)],
      ],
    ],
  ] as [string, [number, RosterEvent][]][])('R3 torn down %s `reconnecting`, nobody leaves while it lasts', (_when, steps) => {
    const { done, roster } = run([0, joined()], ...steps, [60_000, { kind: 'tick' }])
    expect(done.slice(1).flat()).toEqual([])
    expect(roster.deadlineMs).toBe(Infinity)
    expect(roster.apply({ kind: 'reconnected' }, 60_000)).toEqual([])
    expect(roster.apply({ kind: 'tick' }, 74_999)).toEqual([])
    expect(roster.apply({ kind: 'tick' }, 75_000)).toEqual([gone])
  })

  test('R3 whoever comes back after `reconnected` never left', () => {
    const { done, roster } = run(
      [0, { kind: 'reconnecting' }],
      [1, joined()],
      [2, left(false)],
      [50, { kind: 'reconnected' }],
      [9_000, joined()],
    )
    expect(done.slice(2).flat()).toEqual([])
    expect(roster.apply({ kind: 'tick' }, 99_999)).toEqual([])
  })

  test('a rename of somebody unknown and a departure of somebody unknown are nothing', () => {
    const { done } = run([0, left(true)], [0, left(false)], [0, { kind: 'renamed', participant: { identity: anna, name: 'x' } }])
    expect(done.flat()).toEqual([])
  })
})
