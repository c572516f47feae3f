import { expect, test } from 'vitest'
import { ProtocolError } from '../../../../src/core/errors.js'
import { clipMs, readWav, trimSilence } from '../../../../src/standins/actors/clip.js'

/** A WAV file with an odd-sized chunk before its sound. */
function wav(samples: readonly number[], { rate = 16_000, channels = 1, declared = samples.length * 2 } = {}): Buffer {
  const file = Buffer.alloc(12 + 24 + 8 + 4 + 8 + samples.length * 2)
  file.write('RIFF', 0)
  file.write('WAVE', 8)
  file.write('fmt ', 12)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(channels, 22)
  file.writeUInt32LE(rate, 24)
  file.writeUInt16LE(16, 34)
  file.write('LIST', 36)
  file.writeUInt32LE(3, 40)
  file.write('data', 48)
  file.writeUInt32LE(declared, 52)
  samples.forEach((sample, at) => file.writeInt16LE(sample, 56 + at * 2))
  return file
}

test('the samples of a WAV file are read past chunks of odd size', () => {
  expect([...readWav(wav([1, -2, 32767, -32768]))]).toEqual([1, -2, 32767, -32768])
})

test('a length that runs past the file, as flite writes to a pipe, ends at the file', () => {
  expect([...readWav(wav([5, 6], { declared: 0xffffffff }))]).toEqual([5, 6])
})

test('another rate, two channels, no sound, or another file are refused', () => {
  expect(() => readWav(wav([1], { rate: 8_000 }))).toThrow(ProtocolError)
  expect(() => readWav(wav([1], { channels: 2 }))).toThrow(ProtocolError)
  expect(() => readWav(wav([1]).subarray(0, 40))).toThrow(/without audio/)
  expect(() => readWav(Buffer.from('ID3 not a wav'))).toThrow(/not a WAV/)
})

test('silence at both ends is cut to 20 ms, and none within', () => {
  const samples = new Int16Array(16_000)
  samples.fill(5_000, 4_000, 4_800)
  samples.fill(5_000, 8_000, 8_800)
  const clip = trimSilence(samples)
  expect(clip.length).toBe(8_800 + 320 - (4_000 - 320))
  expect(clip[320]).toBe(5_000)
  expect(clip[319]).toBe(0)
  expect(clipMs(clip)).toBeCloseTo(340)
})

test('a clip of nothing but silence is empty, one that is loud to its edges is whole', () => {
  expect(trimSilence(new Int16Array(1_000).fill(20))).toHaveLength(0)
  const loud = new Int16Array(1_000).fill(9_000)
  const clip = trimSilence(loud)
  expect(clip).toEqual(loud)
  expect(clip.buffer).not.toBe(loud.buffer)
})
