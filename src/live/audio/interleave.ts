const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/**
 * Interleaves one block of mono channels, sample by sample.
 * @param channels s16 samples, [channel][frame], all of one length; null is silence
 * @param out the caller's, length channels x frames, overwritten
 * @throws {RangeError} lengths differ
 * Source: RFC 3551, "Guidelines for Sample-Based Audio Encodings"
 */
export function interleave(channels: readonly (Int16Array | null)[], out: Int16Array): void {
  const width = channels.length
  const frames = out.length / width
  if (channels.some((samples) => samples !== null && samples.length !== frames)) throw new RangeError('channels of different lengths')
  const areWordsWhole = IS_LITTLE_ENDIAN && width % 4 === 0 && frames % 2 === 0 && out.byteOffset % 4 === 0
  for (let channel = 0; channel < width; channel += 4) {
    const a = channels[channel]
    const b = channels[channel + 1]
    const c = channels[channel + 2]
    const d = channels[channel + 3]
    if (areWordsWhole && isWhole(a) && isWhole(b) && isWhole(c) && isWhole(d)) {
      spreadFour(words(a), words(b), words(c), words(d), words(out), channel / 2, width / 2)
      continue
    }
    for (let each = channel; each < Math.min(width, channel + 4); each++) spread(channels[each] ?? null, out, each, width)
  }
}

/** Takes one channel back out of an interleaved block; a fresh array. */
export function channelOf(interleaved: Int16Array, channel: number, channels: number): Int16Array {
  const out = new Int16Array(Math.floor(interleaved.length / channels))
  for (let frame = 0, at = channel; frame < out.length; frame++, at += channels) out[frame] = interleaved[at] as number
  return out
}

/** Whether the samples can be read two at a time. */
function isWhole(samples: Int16Array | null | undefined): samples is Int16Array {
  return samples !== null && samples !== undefined && samples.byteOffset % 4 === 0
}

function words(samples: Int16Array): Int32Array {
  return new Int32Array(samples.buffer, samples.byteOffset, samples.length / 2)
}

function spread(samples: Int16Array | null, out: Int16Array, channel: number, width: number): void {
  if (samples === null) for (let at = channel; at < out.length; at += width) out[at] = 0
  else for (let frame = 0, at = channel; frame < samples.length; frame++, at += width) out[at] = samples[frame] as number
}

/** Four channels at once, two frames of each a word: a quarter of the reads and half of the writes. `width` in words a frame. */
function spreadFour(a: Int32Array, b: Int32Array, c: Int32Array, d: Int32Array, out: Int32Array, from: number, width: number): void {
  for (let pair = 0, at = from; pair < a.length; pair++, at += 2 * width) {
    const first = a[pair] as number
    const second = b[pair] as number
    const third = c[pair] as number
    const fourth = d[pair] as number
    out[at] = (first & 0xffff) | (second << 16)
    out[at + 1] = (third & 0xffff) | (fourth << 16)
    out[at + width] = (first >>> 16) | (second & 0xffff0000)
    out[at + width + 1] = (third >>> 16) | (fourth & 0xffff0000)
  }
}
