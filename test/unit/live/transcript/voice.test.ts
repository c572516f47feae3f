import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { gapsOf } from '../../../../src/live/transcript/coverage.js'
import { common, lengthOf, merged, without, type Range } from '../../../../src/live/transcript/ranges.js'
import { Voice } from '../../../../src/live/transcript/voice.js'
import { SESSION, span } from './fixtures.js'

const run = (fromFrame: number, toFrame: number) => ({ sessionId: SESSION, fromFrame, toFrame })

describe('voice in the meeting', () => {
  it('is placed by the spans over it, each by its own time', () => {
    const voice = new Voice([run(8000, 40_000)], [span('ann', 0, 0, 1, 100), span('ann', 3, 1, 2, 5000.5), span('ann', 0, 2, 9, 6000.5)])
    expect(voice.times()).toEqual([
      [600, 1100],
      [5000.5, 6500.5],
    ])
    expect(voice.times(() => [[8000, 8016]])).toEqual([[600, 601]])
    expect([voice.unexplained(), voice.framesIn(() => [[39_000, 50_000]])]).toEqual([0, 1000])
    expect(new Voice([run(8000, 40_000)], [span('ann', 0, 1, 2, 0)]).unexplained()).toBe(16_000)
  })

  it('of two tracks at once counts twice in frames and once in time', () => {
    const both = new Voice([run(0, 16_000), run(0, 16_000)], [span('ann', 0, 0, 1, 0), span('ann', 1, 0, 1, 0)])
    expect([both.framesIn(() => [[0, 8000]]), both.times(), both.unexplained()]).toEqual([16_000, [[0, 1000]], 0])
  })

  it('that is lost within a second is one gap, in whole ms around it', () => {
    const identity = asIdentity('ann')
    const gaps = gapsOf(identity, 'buffer_full', [
      [-3, 10.2],
      [1010.2, 1500.5],
      [2500.6, 2600],
    ])
    expect(gaps.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [0, 1501],
      [2500, 2600],
    ])
  })
})

it('what two lists of ranges have in common and what only the first has make up the first', () => {
  const ranges = fc.array(fc.tuple(fc.nat(100), fc.nat(20))).map((all) => merged(all.map(([from, length]): Range => [from, from + length])))
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      const [both, rest] = [common(a, b), without(a, b)]
      expect(merged([...both, ...rest])).toEqual(a)
      expect(lengthOf(both) + lengthOf(rest)).toBe(lengthOf(a))
      expect(common(rest, b)).toEqual([])
    }),
  )
})
