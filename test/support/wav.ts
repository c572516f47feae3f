import { InputError } from '../../src/core/errors.js'

/** The samples of a 16 kHz mono s16 WAV file; yours. @throws {InputError} any other format */
export function readWav(file: Buffer): Int16Array<ArrayBuffer> {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') throw new InputError('not a WAV file')
  let samples: Int16Array<ArrayBuffer> | undefined
  for (let at = 12; at + 8 <= file.length;) {
    const id = file.toString('latin1', at, at + 4)
    const length = Math.min(file.readUInt32LE(at + 4), file.length - at - 8)
    if (id === 'fmt ' && (file.readUInt16LE(at + 10) !== 1 || file.readUInt32LE(at + 12) !== 16_000 || file.readUInt16LE(at + 22) !== 16)) {
      throw new InputError('not 16 kHz mono s16')
    }
    if (id === 'data') {
      samples = new Int16Array(length >> 1)
      for (let sample = 0; sample < samples.length; sample++) samples[sample] = file.readInt16LE(at + 8 + sample * 2)
    }
    at += 8 + length + (length % 2)
  }
  if (!samples) throw new InputError('a WAV file without samples')
  return samples
}

/** A WAV file of 16 kHz mono s16 samples. */
export function writeWav(samples: Int16Array): Buffer {
  const file = Buffer.alloc(44 + samples.length * 2)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(36 + samples.length * 2, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(16_000, 24)
  file.writeUInt32LE(32_000, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(samples.length * 2, 40)
  for (const [at, sample] of samples.entries()) file.writeInt16LE(sample, 44 + at * 2)
  return file
}
