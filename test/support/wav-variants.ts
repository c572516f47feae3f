/** A WAV file to be written. */
export interface WavVariant {
  readonly kind: 'int' | 'float'
  readonly bits: number
  readonly sampleRate: number
  readonly channels: number
  /** `extensible` names its format in a GUID; `rf64` keeps its length in a chunk of its own */
  readonly form?: 'plain' | 'extensible' | 'rf64'
  /** chunks between format and sound, of these many bytes; an odd one is filled up */
  readonly chunks?: readonly number[]
  /** length of the sound as the header tells it; the truth when absent */
  readonly told?: number
  /** bytes behind the sound */
  readonly tail?: number
}

const GUID_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex')

const chunk = (id: string, body: Buffer, told = body.length): Buffer => {
  const head = Buffer.alloc(8)
  head.write(id, 0, 'latin1')
  head.writeUInt32LE(told, 4)
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)])
}

function format({ kind, bits, sampleRate, channels, form }: WavVariant): Buffer {
  const isExtensible = form === 'extensible'
  const body = Buffer.alloc(isExtensible ? 40 : 16)
  const tag = kind === 'int' ? 1 : 3
  body.writeUInt16LE(isExtensible ? 0xfffe : tag, 0)
  body.writeUInt16LE(channels, 2)
  body.writeUInt32LE(sampleRate, 4)
  body.writeUInt32LE((sampleRate * channels * bits) / 8, 8)
  body.writeUInt16LE((channels * bits) / 8, 12)
  body.writeUInt16LE(bits, 14)
  if (isExtensible) {
    body.writeUInt16LE(22, 16)
    body.writeUInt16LE(bits, 18)
    body.writeUInt16LE(tag, 24)
    GUID_TAIL.copy(body, 26)
  }
  return body
}

function writeSample(bytes: Buffer, at: number, value: number, { kind, bits }: WavVariant): void {
  if (kind === 'float') {
    if (bits === 32) bytes.writeFloatLE(value / 32_768, at)
    else bytes.writeDoubleLE(value / 32_768, at)
  } else if (bits === 8) bytes.writeUInt8((value >> 8) + 128, at)
  else bytes.writeIntLE(value * 2 ** (bits - 16), at, bits / 8)
}

/** The file of interleaved s16 samples; one of 8 bits keeps the upper half of each. */
export function wavVariant(variant: WavVariant, samples: ArrayLike<number>): Buffer {
  const { bits, form, chunks = [], tail = 0 } = variant
  const data = Buffer.alloc((samples.length * bits) / 8)
  for (let at = 0; at < samples.length; at++) writeSample(data, (at * bits) / 8, samples[at] ?? 0, variant)
  const isLong = form === 'rf64'
  const ds64 = Buffer.alloc(28)
  ds64.writeBigUInt64LE(BigInt(variant.told ?? data.length), 8)
  const parts = [
    ...(isLong ? [chunk('ds64', ds64)] : []),
    chunk('fmt ', format(variant)),
    ...chunks.map((length) => chunk('LIST', Buffer.alloc(length, 0x55))),
    chunk('data', data, isLong ? 0xffff_ffff : (variant.told ?? data.length)),
    Buffer.alloc(tail, 0x77),
  ]
  const riff = Buffer.alloc(12)
  riff.write(isLong ? 'RF64' : 'RIFF', 0, 'latin1')
  riff.writeUInt32LE(0xffff_ffff, 4)
  riff.write('WAVE', 8, 'latin1')
  return Buffer.concat([riff, ...parts])
}

/** Channels of one length, interleaved. */
export function interleaved(channels: readonly ArrayLike<number>[]): Int16Array {
  const frames = channels[0]?.length ?? 0
  return Int16Array.from(
    { length: frames * channels.length },
    (_, at) => channels[at % channels.length]?.[Math.floor(at / channels.length)] ?? 0,
  )
}
