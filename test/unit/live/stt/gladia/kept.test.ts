import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { waysToKeep } from '../../../../../src/live/stt/gladia/kept.js'

describe('what a service has kept', () => {
  it('is known by its sum when no two are alike', () => {
    expect(waysToKeep([[1600, 1600], [160, 259], [197]], 1600 + 160)).toEqual([[1, 1, 0]])
    expect(waysToKeep([[1600, 1600], [160]], 0)).toEqual([[0, 0]])
    expect(waysToKeep([[1600, 1600], [160]], 100)).toEqual([])
  })

  it('every way that is told comes to the sum, and the true one is among them', () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 5 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), (connections, kept) => {
        const truth = connections.map((one, at) => kept[at]! % (one.length + 1))
        const sumOf = (counts: readonly number[]) =>
          connections.reduce((sum, one, at) => sum + one.slice(0, counts[at]).reduce((part, size) => part + size, 0), 0)
        const ways = waysToKeep(connections, sumOf(truth))
        for (const way of ways) expect(sumOf(way)).toBe(sumOf(truth))
        if (ways.length < 32) expect(ways).toContainEqual(truth)
      }),
    )
  })

  it('is not looked for without end', () => {
    const connections = Array.from({ length: 40 }, () => [3, 5, 7, 11, 13, 17])
    expect(waysToKeep(connections, 1123).length).toBeLessThanOrEqual(32)
  })
})
