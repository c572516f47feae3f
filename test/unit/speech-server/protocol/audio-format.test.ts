import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  alawToS16,
  AudioDecoder,
  type AudioFormat,
  byteRate,
  frameBytes,
  ulawToS16,
} from '../../../../src/speech-server/protocol/audio-format.js'

const format = (part: Partial<AudioFormat>): AudioFormat => ({
  encoding: 'wav/pcm',
  bitDepth: 16,
  sampleRate: 16_000,
  channels: 1,
  ...part,
})
const decode = (part: Partial<AudioFormat>, bytes: number[]) => [...new AudioDecoder(format(part), 16_000).decode(Buffer.from(bytes))]

describe('AudioDecoder', () => {
  it('knows frame and byte rate', () => {
    expect([
      frameBytes(format({ channels: 8 })),
      byteRate(format({ channels: 3 })),
      frameBytes(format({ bitDepth: 24, channels: 2 })),
    ]).toEqual([16, 96_000, 6])
  })

  it.each([
    ['16 bit', { bitDepth: 16 as const }, [0x34, 0x12, 0xff, 0xff], [0x1234, -1]],
    ['8 bit, unsigned', { bitDepth: 8 as const }, [0, 128, 255], [-32_768, 0, 32_512]],
    ['24 bit', { bitDepth: 24 as const }, [0xff, 0x34, 0x12, 0x01, 0x00, 0x80], [0x1234, -32_768]],
    ['32 bit', { bitDepth: 32 as const }, [0xff, 0xff, 0x34, 0x12], [0x1234]],
    ['mu-law', { encoding: 'wav/ulaw' as const, bitDepth: 8 as const }, [0x00, 0x80, 0x7f, 0xff], [-32_124, 32_124, 0, 0]],
    ['A-law', { encoding: 'wav/alaw' as const, bitDepth: 8 as const }, [0x2a, 0xaa, 0x55, 0xd5], [-32_256, 32_256, -8, 8]],
  ])('reads %s', (_, part, bytes, samples) => {
    expect(decode(part, bytes)).toEqual(samples)
  })

  it('G.711 tables rise with their codes and are odd', () => {
    for (let code = 0; code < 127; code++) {
      expect(ulawToS16(code)).toBeLessThan(ulawToS16(code + 1))
      expect(ulawToS16(code | 0x80)).toBe(-ulawToS16(code) + 0)
      expect(alawToS16(code | 0x80)).toBe(-alawToS16(code))
    }
  })

  it('waits for the rest of a frame: the output does not depend on how the stream is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat(60)), (bytes, cuts) => {
        const whole = new AudioDecoder(format({ channels: 2, bitDepth: 24 }), 16_000).decode(Buffer.from(bytes))
        const pieces = new AudioDecoder(format({ channels: 2, bitDepth: 24 }), 16_000)
        const edges = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length]
        const out = edges.slice(1).flatMap((edge, at) => [...pieces.decode(Buffer.from(bytes.slice(edges[at], edge)))])
        expect(out).toEqual([...whole])
      }),
    )
  })

  it('keeps what it was given only as a copy', () => {
    const decoder = new AudioDecoder(format({}), 16_000)
    const bytes = Buffer.from([1])
    decoder.decode(bytes)
    bytes[0] = 9
    expect([...decoder.decode(Buffer.from([0]))]).toEqual([1])
  })

  it('brings other rates to the engine rate', () => {
    expect(decode({ sampleRate: 32_000 }, [0, 0, 1, 0, 2, 0, 3, 0, 4, 0])).toEqual([0, 2, 4])
  })
})
