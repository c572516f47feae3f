import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PlaceHolder, TrackPlaces } from '../../../../../src/live/room/livekit/track-places.js'

class Holder implements PlaceHolder {
  grants = 0
  granted(): void {
    this.grants++
  }
}

describe('places', () => {
  test('as many as there are get one at once, the others when one is given back, who waited longest first', () => {
    const counts: number[] = []
    const places = new TrackPlaces(2, (count) => counts.push(count))
    const [a, b, c, d] = [new Holder(), new Holder(), new Holder(), new Holder()] as const
    expect([a, b, c, d].map((one) => places.ask(one))).toEqual([true, true, false, false])
    expect([places.taken, places.waiting]).toEqual([2, 2])
    places.release(b)
    expect([a, b, c, d].map((one) => one.grants)).toEqual([0, 0, 1, 0])
    places.release(a)
    places.release(c)
    expect([a, b, c, d].map((one) => one.grants)).toEqual([0, 0, 1, 1])
    expect([places.taken, places.waiting]).toEqual([1, 0])
    expect(counts).toEqual([1, 2, 1, 0])
  })

  test('asking twice takes one place, and waiting twice is one wait', () => {
    const counts: number[] = []
    const places = new TrackPlaces(1, (count) => counts.push(count))
    const [a, b] = [new Holder(), new Holder()] as const
    expect([places.ask(a), places.ask(a), places.ask(b), places.ask(b)]).toEqual([true, true, false, false])
    expect([places.taken, counts]).toEqual([1, [1]])
  })

  test('who stops waiting is passed over, and what is not held cannot be given back', () => {
    const places = new TrackPlaces(1)
    const [a, b, c] = [new Holder(), new Holder(), new Holder()] as const
    for (const one of [a, b, c]) places.ask(one)
    places.release(b)
    places.release(new Holder())
    expect(places.taken).toBe(1)
    places.release(a)
    expect([b.grants, c.grants, places.taken]).toEqual([0, 1, 1])
  })

  test('whatever is asked and given back: never more than there are, never one free while somebody waits, in the order of asking', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 60 }), (max, steps) => {
        let last = 0
        const places = new TrackPlaces(max, (count) => (last = count))
        const held = new Set<number>()
        const queue: number[] = []
        const holders = Array.from({ length: 8 }, (_, at) => ({
          granted: () => {
            expect(queue.shift()).toBe(at)
            held.add(at)
          },
        }))
        for (const [who, asks] of steps) {
          const holder = holders[who]!
          if (asks) {
            const has = places.ask(holder)
            if (has) held.add(who)
            else if (!queue.includes(who)) queue.push(who)
            expect(has).toBe(held.has(who))
          } else {
            held.delete(who)
            if (queue.includes(who)) queue.splice(queue.indexOf(who), 1)
            places.release(holder)
          }
          expect([places.taken, places.waiting, last]).toEqual([held.size, queue.length, queue.length])
          expect(held.size).toBeLessThanOrEqual(max)
          if (queue.length > 0) expect(held.size).toBe(max)
        }
      }),
    )
  })
})
