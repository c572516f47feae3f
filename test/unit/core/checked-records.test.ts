import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRecords, encodeRecord } from '../../../src/core/checked-records.js'

const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
const file = (all: readonly Uint8Array[]) => Buffer.concat(all.map((one) => encodeRecord(one)))
const hex = (all: readonly Uint8Array[]) => all.map((one) => Buffer.from(one).toString('hex'))

describe('checked records', () => {
  it('come back as they were written, empty ones too', () => {
    fc.assert(
      fc.property(payloads, (all) => {
        const bytes = file(all)
        const read = decodeRecords(bytes)
        expect(hex(read.payloads)).toEqual(hex(all))
        expect(read.goodBytes).toBe(bytes.length)
      }),
    )
  })

  it('34 of a file cut at any byte, exactly those that are whole come back', () => {
    fc.assert(
      fc.property(payloads, (all) => {
        const bytes = file(all)
        const ends = all.reduce<number[]>((sums, one) => [...sums, (sums.at(-1) ?? 0) + encodeRecord(one).length], [])
        for (let cut = 0; cut <= bytes.length; cut++) {
          const whole = ends.filter((end) => end <= cut)
          const read = decodeRecords(bytes.subarray(0, cut))
          expect(read.payloads).toHaveLength(whole.length)
          expect(read.goodBytes).toBe(whole.at(-1) ?? 0)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('34 any flipped bit is noticed: what stands before it is read, nothing from it on', () => {
    const all = [Buffer.from('one'), Buffer.from(''), Buffer.from('three, longer')]
    const bytes = file(all)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const read = decodeRecords(changed)
      let end = 0
      const before = all.filter((one) => (end += encodeRecord(one).length) <= bit >> 3)
      expect(hex(read.payloads)).toEqual(hex(before))
    }
  })

  it('zeros after the last record are no record', () => {
    const bytes = Buffer.concat([encodeRecord(Buffer.from('one')), Buffer.alloc(64)])
    expect(decodeRecords(bytes)).toMatchObject({ payloads: [Buffer.from('one')], goodBytes: 11 })
  })
})
