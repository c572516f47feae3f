import type { Utterance } from './voice-clips.js'

/** Speech that is harder to tell from tones and noise than that of the clips: higher voices, and microphones that let little through. */

const RATE = 16_000

/** Each as it sounds from a tape that runs so much faster: voices of children, and higher. */
export const faster = (list: readonly Utterance[], speed: number): Utterance[] =>
  list.map(({ source, samples }) => ({ source: `${source} x${speed}`, samples: atSpeed(samples, speed) }))

/** Between two samples a straight line, after what would come out above half the rate is weakened. */
function atSpeed(samples: Int16Array, speed: number): Int16Array {
  const clip = speed > 1 ? secondOrder(secondOrder(samples, (0.45 * RATE) / speed, 'low'), (0.45 * RATE) / speed, 'low') : samples
  return Int16Array.from({ length: Math.floor((clip.length - 1) / speed) }, (_, at) => {
    const from = Math.floor(at * speed)
    const share = at * speed - from
    return Math.round(clip[from]! * (1 - share) + clip[from + 1]! * share)
  })
}

/** Each as a telephone would let it through: 24 dB an octave on both sides of the band. */
export const narrow = (list: readonly Utterance[], lowHz: number, highHz: number): Utterance[] =>
  list.map(({ source, samples }) => {
    const low = secondOrder(secondOrder(samples, highHz, 'low'), highHz, 'low')
    return { source: `${source} ${lowHz}-${highHz} Hz`, samples: secondOrder(secondOrder(low, lowHz, 'high'), lowHz, 'high') }
  })

/** Each without what a small capsule does not move: 6 dB an octave under 330 Hz, twice. */
export const thin = (list: readonly Utterance[]): Utterance[] =>
  list.map(({ source, samples }) => ({ source: `${source} thin`, samples: firstOrder(firstOrder(samples)) }))

const rounded = (value: number) => Math.max(-32_768, Math.min(32_767, Math.round(value)))

function firstOrder(samples: Int16Array): Int16Array {
  let [last, out] = [0, 0]
  return samples.map((sample) => {
    out = 0.88 * (out + sample - last)
    last = sample
    return rounded(out)
  })
}

/** A Butterworth filter of second order. */
function secondOrder(samples: Int16Array, hz: number, kind: 'low' | 'high'): Int16Array {
  const omega = (2 * Math.PI * hz) / RATE
  const alpha = Math.sin(omega) / Math.SQRT2
  const scale = 1 + alpha
  const sign = kind === 'low' ? 1 : -1
  const gain = (1 - sign * Math.cos(omega)) / 2 / scale
  const feedback1 = (2 * Math.cos(omega)) / scale
  const feedback2 = -(1 - alpha) / scale
  let [in1, in2, out1, out2] = [0, 0, 0, 0]
  return samples.map((sample) => {
    const out = gain * (sample + sign * 2 * in1 + in2) + feedback1 * out1 + feedback2 * out2
    ;[in1, in2, out1, out2] = [sample, in1, out, out1]
    return rounded(out)
  })
}
