import { expect, test } from 'vitest'
import { HeldBack } from '../../../../../src/live/room/livekit/held-back.js'

const track = (id: string, seconds: number, samples: number) => ({ id, seconds, samples })

test('what is held back is the mean between two looks, of the track with most', () => {
  const held = new HeldBack()
  held.look([track('a', 48_000, 48_000), track('b', 960, 48_000)])
  expect(held.ms).toBe(0)
  held.look([track('a', 50_880, 96_000), track('b', 30_000, 96_000)])
  expect(held.ms).toBeCloseTo(605)
  held.look([track('a', 53_760, 144_000)])
  expect(held.ms).toBeCloseTo(60)
})

test('a track that let nothing go, is new, or began again counts for nothing', () => {
  const held = new HeldBack()
  held.look([track('a', 100, 1000), track('b', 100, 1000)])
  held.look([track('a', 200, 1000), track('b', 10, 100), track('c', 900, 1000)])
  expect(held.ms).toBe(0)
})
