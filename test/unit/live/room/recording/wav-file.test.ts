import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InputError } from '../../../../../src/core/errors.js'
import { openFile, type Recording } from '../../../../../src/live/room/recording/wav-file.js'
import { wavVariant, type WavVariant } from '../../../../support/wav-variants.js'

const FRAME = 800
const PLAIN: WavVariant = { kind: 'int', bits: 16, sampleRate: 16_000, channels: 1 }

describe('a WAV file', () => {
  let folder: string
  let files = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-wav-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function written(bytes: Buffer): Promise<string> {
    const path = join(folder, `${++files}.wav`)
    await writeFile(path, bytes)
    return path
  }

  async function opened(bytes: Buffer): Promise<Recording> {
    const file = await openFile(await written(bytes))
    if (file.kind !== 'wav') throw new Error('no WAV file')
    return file.recording
  }

  /** [channel][sample], the silence that fills up the last frame included */
  async function read(recording: Recording): Promise<number[][]> {
    const channels: number[][] = Array.from({ length: recording.channels }, () => [])
    for (let frames = await recording.next(); frames !== null; frames = await recording.next())
      for (const [channel, samples] of frames.entries()) channels[channel]?.push(...samples)
    await recording.close()
    return channels
  }

  const problem = async (bytes: Buffer) => {
    const thrown: unknown = await openFile(await written(bytes)).catch((error: unknown) => error)
    return thrown instanceof InputError ? thrown.message : thrown
  }

  it('of any shape is read back sample by sample, the last frame filled up with silence', async () => {
    const shapes = fc.record({
      format: fc.constantFrom(
        ...([16, 24, 32] as const).map((bits) => ({ kind: 'int' as const, bits })),
        ...([32, 64] as const).map((bits) => ({ kind: 'float' as const, bits })),
      ),
      channels: fc.integer({ min: 1, max: 5 }),
      frames: fc.integer({ min: 1, max: 2_500 }),
      form: fc.constantFrom('plain' as const, 'extensible' as const, 'rf64' as const),
      chunks: fc.array(fc.integer({ min: 0, max: 33 }), { maxLength: 3 }),
      told: fc.constantFrom('truth' as const, 'nothing' as const, 'everything' as const),
      seed: fc.integer(),
    })
    await fc.assert(
      fc.asyncProperty(shapes, async ({ format, channels, frames, form, chunks, told, seed }) => {
        const samples = Int16Array.from({ length: frames * channels }, (_, at) => Math.imul(at + seed, 0x9e3779b1) >> 16)
        const toldBytes = { truth: undefined, nothing: 0, everything: form === 'rf64' ? 0 : 0xffff_ffff }[told]
        const variant: WavVariant = {
          ...format,
          sampleRate: 16_000,
          channels,
          form,
          chunks,
          ...(toldBytes === undefined ? {} : { told: toldBytes }),
        }
        const recording = await opened(wavVariant(variant, samples))
        expect(recording.channels).toBe(channels)
        expect(recording.lengthMs).toBeCloseTo(frames / 16, 6)
        const back = await read(recording)
        for (const [channel, own] of back.entries()) {
          const wanted = new Int16Array(Math.ceil(frames / FRAME) * FRAME)
          for (let frame = 0; frame < frames; frame++) wanted[frame] = samples[frame * channels + channel] ?? 0
          expect(own.join(' ')).toBe(wanted.join(' '))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('of 8 bits is unsigned', async () => {
    const back = await read(await opened(wavVariant({ ...PLAIN, bits: 8 }, [-0x8000, 0, 0x7f00])))
    expect(back[0]?.slice(0, 4)).toEqual([-0x8000, 0, 0x7f00, 0])
  })

  it('whose samples are louder than there is room for is clipped, and no number is silence', async () => {
    const bytes = wavVariant({ ...PLAIN, kind: 'float', bits: 32 }, [0, 0, 0, 0])
    for (const [at, value] of [2, -2, Number.NaN, Number.POSITIVE_INFINITY].entries()) bytes.writeFloatLE(value, bytes.length - 16 + at * 4)
    expect((await read(await opened(bytes)))[0]?.slice(0, 4)).toEqual([32_767, -32_768, 0, 0])
  })

  it('ends where its sound does, not where the file does', async () => {
    const recording = await opened(wavVariant({ ...PLAIN, tail: 99 }, [1, 2, 3]))
    expect(recording.lengthMs).toBe(3 / 16)
    expect((await read(recording))[0]?.slice(0, 5)).toEqual([1, 2, 3, 0, 0])
  })

  it.each([0, 0xffff_ffff, 0xffff_f000, 0x7fff_ffff, 0x8000_0000])(
    'with the length %i, of a recorder that never wrote it, ends at the file',
    async (told) => {
      // half a sample more: the recorder was killed in the middle of one
      const bytes = Buffer.concat([wavVariant({ ...PLAIN, told }, [1, 2, 3]), Buffer.from([7])])
      expect((await read(await opened(bytes)))[0]?.slice(0, 5)).toEqual([1, 2, 3, 0, 0])
    },
  )

  it('that is cut off says by how much', async () => {
    const bytes = wavVariant(PLAIN, new Int16Array(32_000))
    expect(await problem(bytes.subarray(0, bytes.length - 32_000))).toBe('is cut off: it should have 2.0 s of sound and has 1.0 s')
    const long = wavVariant({ ...PLAIN, form: 'rf64' }, new Int16Array(32_000))
    expect(await problem(long.subarray(0, long.length - 32_000))).toBe('is cut off: it should have 2.0 s of sound and has 1.0 s')
  })

  it('without sound, with a broken format, or of none at all is told apart', async () => {
    expect(await problem(Buffer.alloc(0))).toBe('is empty')
    expect(await problem(wavVariant(PLAIN, []))).toBe('is a WAV file without sound')
    expect(await problem(wavVariant(PLAIN, [1, 2]).subarray(0, 30))).toBe('is a broken WAV file: its format is cut off')
    expect(await problem(wavVariant(PLAIN, [1, 2]).subarray(0, 40))).toBe('is a WAV file without sound')
    expect(await problem(wavVariant({ ...PLAIN, channels: 0 }, []))).toBe('is a broken WAV file: 0 channels of 16000 samples a second')
    expect(await problem(wavVariant({ ...PLAIN, sampleRate: 400_000 }, [1]))).toBe(
      'is a broken WAV file: 1 channels of 400000 samples a second',
    )
    const odd = wavVariant(PLAIN, [1, 2])
    odd.writeUInt16LE(12, 34)
    odd.writeUInt16LE(0, 32)
    expect(await problem(odd)).toBe('is a WAV file with samples of 0 bits (int)')
  })

  it('with compressed sound, or another file, is left to a decoder, with its first bytes', async () => {
    const law = wavVariant(PLAIN, [1, 2])
    law.writeUInt16LE(7, 20)
    expect(await openFile(await written(law))).toMatchObject({ kind: 'other', compressed: { format: 7 } })
    const ogg = await openFile(await written(Buffer.from('OggS and so on')))
    expect(ogg).toMatchObject({ kind: 'other', compressed: null })
    expect(ogg.kind === 'other' && ogg.head.toString('latin1', 0, 4)).toBe('OggS')
  })

  it('that becomes shorter while it is read is told', async () => {
    const path = await written(wavVariant(PLAIN, new Int16Array(20_000)))
    const file = await openFile(path)
    if (file.kind !== 'wav') throw new Error('no WAV file')
    await file.recording.next()
    await writeFile(path, Buffer.alloc(100))
    await expect(
      (async () => {
        while ((await file.recording.next()) !== null);
      })(),
    ).rejects.toThrow('has become shorter while it was read')
    await file.recording.close()
    await file.recording.close()
  })

  it('of another rate has as many frames as its length asks for', async () => {
    for (const sampleRate of [8_000, 11_025, 44_100, 48_000]) {
      const recording = await opened(wavVariant({ ...PLAIN, sampleRate }, new Int16Array(sampleRate / 5)))
      expect([recording.lengthMs, (await read(recording))[0]?.length]).toEqual([200, 3_200])
    }
  })
})
