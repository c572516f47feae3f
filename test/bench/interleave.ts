import { interleave } from '../../src/live/audio/interleave.js'
import { systemClock } from '../../src/core/time.js'

const CHANNELS = 8
const FRAMES = 320
const ROUNDS = 41
const NAIVE_CALLS = 10
const OURS_CALLS = 1000

/** The obvious form: a view and a copy a sample. */
function naive(channels: readonly Buffer[], bytesPerSample: number): Buffer {
  const frames = (channels[0]?.byteLength ?? 0) / bytesPerSample
  const out = Buffer.alloc(channels.length * frames * bytesPerSample)
  for (let frame = 0; frame < frames; frame++) {
    for (const [channel, samples] of channels.entries()) {
      const sample = samples.subarray(frame * bytesPerSample, (frame + 1) * bytesPerSample)
      out.set(sample, (frame * channels.length + channel) * bytesPerSample)
    }
  }
  return out
}

function msPerCall(calls: number, run: () => unknown): number {
  const startMs = systemClock.monotonicMs()
  for (let call = 0; call < calls; call++) run()
  return (systemClock.monotonicMs() - startMs) / calls
}

/**
 * Times the per-sample Buffer form against ours at 8 channels x 20 ms, in turns, so that a busy machine slows both. The Buffer form
 * makes its result, ours fills the caller's.
 * @returns `ratio8x20`: the median over rounds of naive / ours
 * @throws when the two do not agree on the bytes
 */
export async function run(): Promise<{ ratio8x20: number }> {
  const channels = Array.from({ length: CHANNELS }, (_, channel) =>
    Int16Array.from({ length: FRAMES }, (_sample, frame) => ((channel * 977 + frame * 31) % 65_536) - 32_768),
  )
  const buffers = channels.map((samples) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength))
  const ours = new Int16Array(CHANNELS * FRAMES)
  interleave(channels, ours)
  if (!naive(buffers, 2).equals(Buffer.from(ours.buffer))) throw new Error('the two forms do not agree')
  msPerCall(100, () => naive(buffers, 2))
  msPerCall(OURS_CALLS, () => interleave(channels, ours))
  const ratios = Array.from({ length: ROUNDS }, () => {
    const naiveMs = msPerCall(NAIVE_CALLS, () => naive(buffers, 2))
    return naiveMs / msPerCall(OURS_CALLS, () => interleave(channels, ours))
  })
  return { ratio8x20: ratios.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0 }
}
