import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { channelOf, interleave } from '../../../../src/live/audio/interleave.js'
import { Int16Ring } from '../../../../src/live/audio/ring.js'
import { SampleClock } from '../../../../src/live/audio/sample-clock.js'
import { TrackClock } from '../../../../src/live/audio/track-clock.js'
import { Meter } from '../../../../src/live/audio/voice/energy.js'

const sample = fc.integer({ min: -32_768, max: 32_767 })

test('interleave then split is identity, for any width and length, silence and odd offsets included', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(sample, { minLength: 1, maxLength: 40 }),
      fc.nat(511),
      fc.nat(1),
      (width, samples, silent, offset) => {
        const channels = Array.from({ length: width }, (_, channel) => {
          if (((silent >> channel) & 1) === 1) return null
          const shifted = Int16Array.from([...Array.from({ length: offset }, () => 7), ...samples.map((value) => value ^ channel)])
          return shifted.subarray(offset)
        })
        const out = new Int16Array(width * samples.length).fill(99)
        interleave(channels, out)
        for (const [channel, expected] of channels.entries()) {
          expect(channelOf(out, channel, width)).toEqual(expected === null ? new Int16Array(samples.length) : Int16Array.from(expected))
        }
      },
    ),
  )
  expect(() => interleave([new Int16Array(3), new Int16Array(4)], new Int16Array(8))).toThrow(RangeError)
})

test('a ring gives back what was put in, in order, within its bound, and lets its room go when empty', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 30 })), { maxLength: 60 }), (moves) => {
      const ring = new Int16Ring(64, 4)
      const model: number[] = []
      let next = 0
      for (const [isPush, count] of moves) {
        if (isPush) {
          const samples = Int16Array.from({ length: count }, () => next++)
          if (model.length + count > 64) expect(() => ring.push(samples)).toThrow(RangeError)
          else {
            ring.push(samples)
            model.push(...samples)
          }
        } else if (count > model.length) expect(() => ring.read(new Int16Array(count))).toThrow(RangeError)
        else {
          const out = new Int16Array(count)
          ring.read(out)
          expect([...out]).toEqual(model.splice(0, count))
        }
        expect(ring.length).toBe(model.length)
        expect(ring.allocated).toBeLessThanOrEqual(64)
        if (model.length === 0 && !isPush) expect(ring.allocated).toBe(4)
      }
    }),
  )
})

test('a meter tells loudness and peak', () => {
  const meter = new Meter()
  meter.measure(Int16Array.from([300, -300, 300, -300]))
  expect([meter.rms, meter.peak]).toEqual([300, 300])
  meter.measure(Int16Array.from([0, -32_768]))
  expect(meter.peak).toBe(32_768)
  meter.measure(new Int16Array(0))
  expect([meter.rms, meter.peak]).toEqual([0, 0])
})

test('25 a sample clock counts from its start: three hours of late and early looks give no drift', () => {
  const clock = new SampleClock(12.3, 50)
  for (let nowMs = 12.3; nowMs < 10_800_012.3; nowMs += 997.7) while (clock.behind(nowMs) > 0) clock.advance()
  while (clock.behind(10_800_012.3) > 0) clock.advance()
  expect(clock.sent).toBe(216_000)
  clock.shift(10)
  expect(clock.dueMs).toBeCloseTo(12.3 + 216_011 * 50, 6)
})

test('25 a track clock holds under jitter and bursts, moves on when frames are lost for good, and back when the first was late', () => {
  const steady = new TrackClock(0, 16_000, 60)
  for (let frame = 1; frame <= 400; frame++) {
    const stalled = frame > 100 && frame <= 180 ? 9000 : frame * 50
    steady.received(800, Math.max(frame * 50 + ((frame * 13) % 40), stalled))
    expect([frame, steady.jumpMs]).toEqual([frame, 0])
  }
  const lossy = new TrackClock(0, 16_000, 60)
  let jumps = 0
  for (let frame = 1; frame <= 200; frame++) {
    lossy.received(800, frame * 50 + (frame > 50 ? 300 : 0))
    jumps += lossy.jumpMs
  }
  expect(jumps).toBe(300)
  expect(lossy.endMs).toBe(200 * 50 + 300)
  const late = new TrackClock(0, 16_000, 60)
  for (let frame = 1; frame <= 40; frame++) late.received(800, Math.max(1500, frame * 50))
  expect(Math.abs(late.endMs - 2000)).toBeLessThanOrEqual(60)
})

test('A11 after frames were lost the lateness of a whole 2 s is looked at anew: a short stall soon after moves nothing', () => {
  const clock = new TrackClock(0, 16_000, 60)
  const jumps: number[] = []
  let stalled = 0
  for (let frame = 1; frame <= 200; frame++) {
    clock.received(800, frame * 50 + (frame > 50 ? 300 : 0) + (stalled-- > 0 ? 200 : 0))
    if (clock.jumpMs === 0) continue
    jumps.push(clock.jumpMs)
    stalled = 15
  }
  expect(jumps).toEqual([300])
})

test('a restarted track clock never dates a sample before the end of what came before', () => {
  const clock = new TrackClock(0, 16_000, 60)
  clock.received(800, 1000)
  clock.restart()
  clock.received(800, 1020)
  expect([clock.anchored, clock.startMs]).toEqual([true, 1000])
})

test('A11 frames that are missing when a track ends count as lost, at any moment after the loss', () => {
  const clock = new TrackClock(0, 16_000, 100)
  for (let frame = 1; frame <= 20; frame++) clock.received(800, frame * 50)
  expect(clock.missingMs).toBe(0)
  // 700 ms are gone; what follows keeps its pace
  for (let frame = 21; frame <= 22; frame++) clock.received(800, frame * 50 + 700)
  expect(clock.missingMs).toBe(0)
  for (let frame = 23; frame <= 25; frame++) clock.received(800, frame * 50 + 700)
  expect(clock.missingMs).toBe(700)
  // they were late only: the rest of them came at once, but for the last
  for (let frame = 26; frame <= 34; frame++) clock.received(800, 25 * 50 + 700)
  expect(clock.missingMs).toBe(0)
  clock.restart()
  expect(clock.missingMs).toBe(0)
})
