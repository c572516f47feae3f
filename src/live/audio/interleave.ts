/**
 * Interleaves one block of mono channels, sample by sample.
 * @param channels s16 samples, [channel][frame]; null or shorter than `frames` is silence from its end on
 * @param frames samples per channel
 * @returns a fresh array of `channels.length * frames` samples; the caller's
 * Source: RFC 3551, "Guidelines for Sample-Based Audio Encodings"
 */
export function interleave(channels: readonly (Int16Array | null)[], frames: number): Int16Array {
  const width = channels.length
  const out = new Int16Array(width * frames)
  // one channel at a time: a plain strided loop that the compiler keeps free of checks and calls
  for (let channel = 0; channel < width; channel++) {
    const samples = channels[channel]
    if (samples) spread(samples, out, channel, width, Math.min(frames, samples.length))
  }
  return out
}

function spread(samples: Int16Array, out: Int16Array, channel: number, width: number, frames: number): void {
  for (let frame = 0, at = channel; frame < frames; frame++, at += width) out[at] = samples[frame] as number
}

/** Takes one channel back out of an interleaved block; a fresh array. */
export function channelOf(interleaved: Int16Array, channel: number, channels: number): Int16Array {
  const out = new Int16Array(Math.floor(interleaved.length / channels))
  for (let frame = 0, at = channel; frame < out.length; frame++, at += channels) out[frame] = interleaved[at] as number
  return out
}
