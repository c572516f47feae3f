import { seeded } from './marks-audio.js'

/** What microphones hear when nobody speaks: 16 kHz mono, made from a seed, at the levels of a laptop on a desk. */

const RATE = 16_000
type Random = () => number

/** Standard normal numbers. */
const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const between = (random: Random, from: number, to: number) => from + (to - from) * random()
const empty = (seconds: number) => new Float64Array(Math.round(seconds * RATE))

/** A band-pass of second order, unity at its centre. */
function bandPass(samples: Float64Array, hz: number, q: number): Float64Array {
  const omega = (2 * Math.PI * hz) / RATE
  const alpha = Math.sin(omega) / (2 * q)
  const scale = 1 + alpha
  const feedback1 = (2 * Math.cos(omega)) / scale
  const feedback2 = -(1 - alpha) / scale
  let [in1, in2, out1, out2] = [0, 0, 0, 0]
  return samples.map((sample) => {
    const out = (alpha / scale) * (sample - in2) + feedback1 * out1 + feedback2 * out2
    ;[in1, in2, out1, out2] = [sample, in1, out, out1]
    return out
  })
}

/** @param keep 0 lets everything through, towards 1 only the lowest */
function lowPass(samples: Float64Array, keep: number): Float64Array {
  let last = 0
  return samples.map((sample) => (last = keep * last + (1 - keep) * sample))
}

const white = (seconds: number, random: Random) => empty(seconds).map(() => normal(random))
const brown = (seconds: number, random: Random) => lowPass(white(seconds, random), 0.995)

/** Three poles at a decade's distance: within a dB of pink from 30 Hz up. */
function pink(seconds: number, random: Random): Float64Array {
  const source = white(seconds, random)
  const parts = [0.997, 0.96, 0.6].map((keep) => lowPass(source, keep))
  const weights = [6, 2.2, 1.2]
  return source.map((_, at) => parts.reduce((sum, part, which) => sum + part[at]! * weights[which]!, 0))
}

/** Scaled to an RMS. */
function levelled(samples: Float64Array, level: number): Float64Array {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length)
  const gain = power === 0 ? 0 : level / Math.sqrt(power)
  return samples.map((sample) => sample * gain)
}

function add(into: Float64Array, what: Float64Array, at: number, gain = 1): void {
  for (let index = 0; index < what.length && at + index < into.length; index++) into[at + index]! += what[index]! * gain
}

const rounded = (samples: Float64Array): Int16Array<ArrayBuffer> =>
  Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample))))

/** A decaying burst of noise with two resonances. @returns peak 1 */
function knock(random: Random, hz: readonly [number, number], tauSec: number): Float64Array {
  const burst = white(tauSec * 6, random).map((sample, at) => sample * Math.exp(-at / (tauSec * RATE)))
  const sound = bandPass(burst, hz[0], 2)
  add(sound, bandPass(burst, hz[1], 3), 0)
  const peak = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  return sound.map((sample) => sample / Math.max(1e-9, peak))
}

function typing(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 15)
  for (let at = between(random, 0, 2); at < seconds;) {
    const level = between(random, 1500, 9000)
    for (const end = at + between(random, 1.5, 5); at < end; at += between(random, 0.08, 0.24)) {
      const key = [between(random, 800, 1800), between(random, 2500, 4500)] as const
      const thump = [between(random, 120, 220), between(random, 250, 400)] as const
      const loud = level * between(random, 0.5, 1)
      const down = Math.round(at * RATE)
      add(out, knock(random, key, 0.002), down, loud * 0.4)
      add(out, knock(random, key, 0.005), down + Math.round(between(random, 0.008, 0.016) * RATE), loud)
      add(out, knock(random, thump, 0.012), down + Math.round(0.012 * RATE), loud * 0.35)
      add(out, knock(random, key, 0.003), down + Math.round(between(random, 0.06, 0.1) * RATE), loud * 0.4)
    }
    at += between(random, 0.4, 4)
  }
  return out
}

function breath(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 15)
  for (let at = between(random, 0, 2); at < seconds; at += between(random, 0.3, 1.5)) {
    for (const [long, hz] of [
      [between(random, 0.6, 1.1), between(random, 900, 2000)],
      [between(random, 0.8, 1.6), between(random, 400, 1100)],
    ] as const) {
      const swell = levelled(bandPass(white(long, random), hz, 0.6), between(random, 200, 1500))
      add(
        out,
        swell.map((sample, index) => sample * Math.sin((Math.PI * index) / swell.length) ** 2),
        Math.round(at * RATE),
      )
      at += long + between(random, 0.1, 0.4)
    }
  }
  return out
}

function hum(seconds: number, random: Random): Float64Array {
  const mains = random() < 0.5 ? 50 : 60
  const strengths = Array.from({ length: 40 }, (_, at) => (at < 3 ? 1 / (at + 1) : between(random, 0.02, 0.3) / (at % 2 === 0 ? 1 : 3)))
  const phases = strengths.map(() => between(random, 0, 2 * Math.PI))
  const buzz = empty(seconds).map((_, at) =>
    strengths.reduce(
      (sum, strength, which) => sum + strength * Math.sin((2 * Math.PI * mains * (which + 1) * at) / RATE + phases[which]!),
      0,
    ),
  )
  const out = levelled(buzz, between(random, 300, 1500))
  add(out, levelled(pink(seconds, random), 20), 0)
  return out
}

/** A note of an instrument: harmonics that fade, attack and decay, vibrato. */
function note(hz: number, long: number, random: Random): Float64Array {
  const vibrato = between(random, 0, 0.006)
  const bright = between(random, 0.3, 0.7)
  let phase = 0
  return empty(long).map((_, at) => {
    const time = at / RATE
    phase += (2 * Math.PI * hz * (1 + vibrato * Math.sin(2 * Math.PI * 5.5 * time))) / RATE
    let sum = 0
    for (let harmonic = 1, strength = 1; harmonic * hz < 7000 && harmonic <= 12; harmonic++, strength *= bright) {
      sum += strength * Math.sin(harmonic * phase)
    }
    return sum * Math.min(1, time / 0.02) * Math.min(1, (long - time) / 0.05) * Math.exp(-time * 0.8)
  })
}

function music(seconds: number, random: Random): Float64Array {
  const out = empty(seconds)
  const scale = [0, 2, 4, 5, 7, 9, 11]
  const pitch = (step: number) => 220 * 2 ** ((scale[((step % 7) + 7) % 7]! + 12 * Math.floor(step / 7)) / 12)
  for (let at = 0; at < seconds; at += 2) {
    const root = Math.floor(between(random, -7, 0))
    for (const third of [0, 2, 4]) add(out, note(pitch(root + third), 2, random), Math.round(at * RATE), 0.5)
  }
  for (let at = 0, step = 4; at < seconds;) {
    const long = [0.25, 0.25, 0.5, 1][Math.floor(random() * 4)]!
    step = Math.max(-3, Math.min(12, step + Math.round(between(random, -2.4, 2.4))))
    add(out, note(pitch(step), long, random), Math.round(at * RATE))
    at += long
  }
  return levelled(out, between(random, 600, 2500))
}

function fan(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), between(random, 150, 900))
  const blade = between(random, 70, 160)
  const drift = between(random, 0.2, 0.6)
  return out.map(
    (sample, at) => sample * (1 + 0.2 * Math.sin((2 * Math.PI * drift * at) / RATE)) + 80 * Math.sin((2 * Math.PI * blade * at) / RATE),
  )
}

/** Wind, or a lorry: brown noise that comes and goes. */
function rumble(seconds: number, random: Random): Float64Array {
  const beat = between(random, 0.3, 2)
  const out = levelled(brown(seconds, random), between(random, 600, 2500))
  return out.map((sample, at) => sample * (0.15 + Math.abs(Math.sin((Math.PI * beat * at) / RATE))))
}

function slams(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 20)
  for (let at = between(random, 0.5, 2); at < seconds; at += between(random, 1, 5)) {
    const isClap = random() < 0.5
    const level = between(random, 4000, 25_000)
    const from = Math.round(at * RATE)
    add(out, isClap ? knock(random, [1100, 2400], 0.008) : knock(random, [90, 260], 0.05), from, level)
    // the room answers
    add(out, lowPass(knock(random, isClap ? [700, 1800] : [150, 500], between(random, 0.06, 0.15)), 0.5), from + 120, level * 0.2)
  }
  return out
}

/** Clothes and hands on the microphone: dull scraping with crackles in it. */
function rustle(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 15)
  for (let at = between(random, 0, 1); at < seconds; at += between(random, 0.2, 3)) {
    const long = between(random, 0.1, 0.8)
    const scrape = levelled(lowPass(white(long, random), between(random, 0.5, 0.9)), between(random, 200, 1500))
    let gain = 0
    add(
      out,
      scrape.map((sample) => sample * (gain += 0.002 * (normal(random) ** 2 - gain))),
      Math.round(at * RATE),
    )
    for (let crackle = Math.floor(random() * 6); crackle > 0; crackle--) {
      add(out, knock(random, [600, 3000], 0.003), Math.round((at + random() * long) * RATE), between(random, 300, 3000))
    }
    at += long
  }
  return out
}

/** A vacuum cleaner or a drill: harmonics of a motor that runs up, wavers, and stops. */
function motor(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 20)
  for (let at = between(random, 0.5, 3); at < seconds; at += between(random, 1, 6)) {
    const long = between(random, 1, 6)
    const top = between(random, 80, 260)
    const strengths = Array.from({ length: 14 }, () => between(random, 0.1, 1))
    let phase = 0
    const whirr = empty(long).map((_, index) => {
      const time = index / RATE
      phase += (2 * Math.PI * top * Math.min(1, 0.4 + time) * (1 + 0.02 * Math.sin(4 * time))) / RATE
      return (
        strengths.reduce((sum, strength, which) => sum + strength * Math.sin((which + 1) * phase), 0) *
        Math.min(1, time * 5, (long - time) * 3)
      )
    })
    add(out, levelled(whirr, between(random, 300, 1500)), Math.round(at * RATE))
    add(out, levelled(white(long, random), between(random, 100, 500)), Math.round(at * RATE))
    at += long
  }
  return out
}

/** Messages and calls that come in: one to six tones, now and then. */
function beeps(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 20)
  for (let at = between(random, 0.5, 3); at < seconds; at += between(random, 2, 8)) {
    const long = between(random, 0.08, 0.4)
    const hz = between(random, 400, 1400)
    for (let count = 1 + Math.floor(random() * 6); count > 0; count--, at += long) {
      const tone = note(hz * [1, 1.26, 1.5][Math.floor(random() * 3)]!, long, random)
      add(out, levelled(tone, between(random, 400, 2500)), Math.round(at * RATE))
    }
  }
  return out
}

/** Chairs and doors: tones that glide, short and rough. */
function squeaks(seconds: number, random: Random): Float64Array {
  const out = levelled(pink(seconds, random), 20)
  for (let at = between(random, 0.5, 2); at < seconds; at += between(random, 1, 5)) {
    const long = between(random, 0.08, 0.5)
    const from = between(random, 300, 1500)
    const glide = between(random, -0.4, 0.6)
    let phase = 0
    const cry = empty(long).map((_, index) => {
      const share = index / (long * RATE)
      phase += (2 * Math.PI * from * (1 + glide * share) * (1 + 0.02 * normal(random))) / RATE
      return (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(3 * phase)) * Math.sin(Math.PI * share)
    })
    add(out, levelled(cry, between(random, 300, 2000)), Math.round(at * RATE))
  }
  return out
}

const MAKERS = { typing, breath, hum, music, fan, rumble, slams, rustle, motor, beeps, squeaks } as const

/** What there is. */
export type NoiseName = keyof typeof MAKERS
/** All of them. */
// eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a literal
export const NOISES = Object.keys(MAKERS) as readonly NoiseName[]

/** So many seconds of a noise; yours. */
export const noise = (name: NoiseName, seconds: number, seed: number): Int16Array<ArrayBuffer> =>
  rounded(MAKERS[name](seconds, seeded(seed + name.length * 7919)))

/** The floor of a quiet room: pink noise of an RMS; yours. */
export const roomTone = (seconds: number, level: number, seed: number): Int16Array<ArrayBuffer> =>
  rounded(levelled(pink(seconds, seeded(seed)), level))
