import { describe, expect, it } from 'vitest'
import { BLOCK, StampReader, stampedBlock } from '../../support/sim/stamps.js'

const MS = 16
const silence = (ms: number) => new Int16Array(ms * MS)
const piece = (id: number, fromMs: number, toMs: number) => stampedBlock(id).subarray(fromMs * MS, toMs * MS)

/** A stream of one channel as bytes, read in pieces of so many. */
function read(parts: readonly Int16Array[], size = 1_001): readonly (readonly [number, number])[] {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)))
  const reader = new StampReader(1)
  const found: (readonly [number, number])[] = []
  for (let at = 0; at < bytes.length; at += size)
    for (const { id, frame } of reader.read(bytes.subarray(at, at + size))) found.push([id, frame])
  return found
}

describe('the ear of the simulated service', () => {
  it('finds each block once, however the stream is cut', () => {
    for (const size of [1, 999, 1_600, 100_000])
      expect(read([silence(3), stampedBlock(7), stampedBlock(2_000), silence(50)], size)).toEqual([
        [7, 3 * MS],
        [2_000, 3 * MS + BLOCK],
      ])
  })

  it('does not understand less than 40 ms of a block, before a pause, another block, or the end', () => {
    expect(read([piece(7, 0, 39), silence(500), piece(8, 0, 30), stampedBlock(9), piece(10, 0, 39)])).toEqual([[9, 569 * MS]])
    expect(read([piece(7, 0, 40)])).toEqual([[7, 0]])
  })

  it('understands a block in which a probe stands, silent or not', () => {
    expect(read([piece(7, 0, 10), piece(6, 10, 26), piece(7, 10, 50)])).toEqual([[7, 0]])
    expect(read([piece(7, 0, 10), silence(16), piece(7, 10, 50)])).toEqual([[7, 0]])
  })

  it('knows of which blocks only a piece came before another one', () => {
    const reader = new StampReader(1)
    const found = [piece(7, 0, 38), silence(12), piece(8, 0, 32), piece(7, 38, 50), piece(9, 0, 10), silence(300), stampedBlock(6)].flatMap(
      (part) => reader.read(Buffer.from(part.slice().buffer)).map(({ id }) => id),
    )
    expect(found).toEqual([8, 6])
    expect([...reader.pieces]).toEqual([7, 9])
  })
})
