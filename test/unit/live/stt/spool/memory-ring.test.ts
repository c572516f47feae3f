import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryRing } from '../../../../../src/live/stt/spool/memory-ring.js'

const block = (from: number, frames: number, channels = 2) =>
  Int16Array.from({ length: frames * channels }, (_, at) => from * channels + at)

describe('memory ring', () => {
  it('gives back any run across blocks', () => {
    const buffer = new MemoryRing(2, 1 << 20)
    for (let from = 0; from < 100; from += 10) buffer.push(block(from, 10))
    expect([...buffer.read(35, 22)]).toEqual([...block(35, 22)])
    expect(buffer.read(95, 50)).toHaveLength(10)
  })

  it('forgets what is released, in the middle of a block too', () => {
    const buffer = new MemoryRing(2, 1 << 20)
    for (let from = 0; from < 40; from += 10) buffer.push(block(from, 10))
    buffer.release(15)
    expect(buffer.startFrame).toBe(15)
    expect([...buffer.read(0, 3)]).toEqual([...block(15, 3)])
    buffer.release(5)
    expect(buffer.startFrame).toBe(15)
    buffer.release(400)
    expect([buffer.startFrame, buffer.bytes]).toEqual([40, 0])
  })

  it('drops the oldest when full and says which frames', () => {
    const buffer = new MemoryRing(2, 100)
    expect(buffer.push(block(0, 10))).toBeNull()
    expect(buffer.push(block(10, 10))).toBeNull()
    expect(buffer.push(block(20, 10))).toEqual({ fromFrame: 0, toFrame: 10 })
    expect(buffer.bytes).toBeLessThanOrEqual(100)
    expect([...buffer.read(0, 100)]).toEqual([...block(10, 20)])
  })

  it('what was released already is not reported as dropped', () => {
    const buffer = new MemoryRing(2, 100)
    buffer.push(block(0, 20))
    buffer.release(15)
    expect(buffer.push(block(20, 20))).toEqual({ fromFrame: 15, toFrame: 20 })
  })

  it('no frame is lost unreported, whatever is pushed and released', () => {
    const action = fc.oneof(fc.record({ push: fc.integer({ min: 1, max: 30 }) }), fc.record({ release: fc.integer({ min: 1, max: 40 }) }))
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const buffer = new MemoryRing(1, 200)
        let released = 0
        for (const one of actions) {
          const start = buffer.startFrame
          if ('push' in one) {
            const gap = buffer.push(block(buffer.endFrame, one.push, 1))
            expect(gap).toEqual(buffer.startFrame > start ? { fromFrame: start, toFrame: buffer.startFrame } : null)
          } else {
            released = Math.min(buffer.endFrame, start + one.release)
            buffer.release(released)
            expect(buffer.startFrame).toBe(Math.max(start, released))
          }
          const rest = buffer.endFrame - buffer.startFrame
          expect([...buffer.read(buffer.startFrame, rest)]).toEqual([...block(buffer.startFrame, rest, 1)])
          expect(buffer.bytes).toBeLessThanOrEqual(200)
        }
      }),
    )
  })

  it('stays exact over many more blocks than are held at once', () => {
    const buffer = new MemoryRing(1, 1 << 20)
    for (let from = 0; from < 50_000; from += 10) {
      buffer.push(block(from, 10, 1))
      buffer.release(from - 100)
    }
    expect(buffer.bytes).toBeLessThanOrEqual(240)
    expect(buffer.read(49_990, 1)[0]).toBe((49_990 << 16) >> 16)
  })
})
