import { describe, expect, it } from 'vitest'
import { Recording, wavHeader } from '../../../../src/speech-server/protocol/recording.js'

const stereo = { encoding: 'wav/pcm' as const, bitDepth: 16 as const, sampleRate: 48_000, channels: 2 }

function budget(bytes: number) {
  const state = { left: bytes }
  return {
    state,
    reserve: (wanted: number) => {
      if (wanted > state.left) return false
      state.left -= wanted
      return true
    },
    release: (given: number) => {
      state.left += given
    },
  }
}

describe('Recording', () => {
  it('is a WAV file of what came, cut at a complete frame', () => {
    const recording = new Recording(stereo, 100, budget(100))
    recording.append(Buffer.from([1, 2, 3, 4, 5]))
    recording.append(Buffer.from([6, 7, 8, 9]))
    const wav = recording.toWav()
    expect(wav?.subarray(44)).toEqual(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]))
    expect(wav?.subarray(0, 44)).toEqual(wavHeader(stereo, 8))
  })

  it('keeps the beginning up to its bound, and no later piece', () => {
    const recording = new Recording(stereo, 6, budget(100))
    for (const piece of [Buffer.from([1, 2, 3, 4]), Buffer.from([5, 6, 7, 8]), Buffer.from([9])]) recording.append(piece)
    expect(recording.toWav()?.length).toBe(44 + 4)
  })

  it('stops for good when the budget says no: no hole in the middle', () => {
    const common = budget(4)
    const recording = new Recording(stereo, 100, common)
    recording.append(Buffer.from([1, 2, 3, 4]))
    recording.append(Buffer.from([5, 6, 7, 8]))
    common.state.left = 100
    recording.append(Buffer.from([9, 9, 9, 9]))
    expect(recording.toWav()?.subarray(44)).toEqual(Buffer.from([1, 2, 3, 4]))
  })

  it('dropping gives the bytes back once and leaves no file', () => {
    const common = budget(10)
    const recording = new Recording(stereo, 100, common)
    recording.append(Buffer.alloc(8))
    recording.drop()
    recording.drop()
    recording.append(Buffer.alloc(8))
    expect([common.state.left, recording.toWav()]).toEqual([10, null])
  })

  it('names format, rate and sizes in the header', () => {
    const header = wavHeader({ encoding: 'wav/ulaw', bitDepth: 8, sampleRate: 8000, channels: 1 }, 80)
    expect([
      header.readUInt32LE(4),
      header.readUInt16LE(20),
      header.readUInt16LE(22),
      header.readUInt32LE(24),
      header.readUInt32LE(28),
      header.readUInt16LE(32),
      header.readUInt16LE(34),
      header.readUInt32LE(40),
    ]).toEqual([116, 7, 1, 8000, 8000, 1, 8, 80])
  })
})
