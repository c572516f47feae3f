/** Zero crossings of the filter on either side: what lies 10 % above the new limit is 60 dB down. */
const CROSSINGS = 24
/** Of the lower of both limits: what passes whole. */
const PASS = 0.94

/**
 * One channel from one rate to another, by a windowed sinc; the output of a stream does not depend on where it was cut.
 * Positions are whole numbers of 1/(from x to) seconds, so nothing drifts, and sample 0 stays sample 0.
 */
export class Resampler {
  readonly #from: number
  readonly #to: number
  /** samples of the input on either side of a sample of the output */
  readonly #reach: number
  readonly #scale: number
  /** by position between two samples of the input, in 1/to */
  readonly #filters = new Map<number, Float32Array>()
  #input: Float32Array<ArrayBuffer>
  /** sample of the input that `#input` begins with */
  #first: number
  #out = 0

  constructor(fromRate: number, toRate: number) {
    this.#from = fromRate
    this.#to = toRate
    this.#scale = PASS * Math.min(1, toRate / fromRate)
    this.#reach = Math.ceil(CROSSINGS / this.#scale)
    this.#input = new Float32Array(this.#reach)
    this.#first = -this.#reach
  }

  /** Goes on where the last call ended. @param samples the caller's @returns what is certain by now; yours */
  process(samples: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    if (this.#from === this.#to) return samples.slice()
    this.#append(samples)
    const last = this.#first + this.#input.length - 1
    return this.#make(Math.floor(((last - this.#reach) * this.#to) / this.#from) + 1)
  }

  /** Nothing follows. @returns the rest; yours */
  finish(): Float32Array<ArrayBuffer> {
    if (this.#from === this.#to) return new Float32Array(0)
    const inputs = this.#first + this.#input.length
    this.#append(new Float32Array(this.#reach))
    return this.#make(Math.ceil((inputs * this.#to) / this.#from))
  }

  #append(samples: Float32Array): void {
    const needed = Math.floor((this.#out * this.#from) / this.#to) - this.#reach
    const kept = this.#input.subarray(Math.max(0, needed - this.#first))
    this.#first = Math.max(this.#first, needed)
    this.#input = new Float32Array(kept.length + samples.length)
    this.#input.set(kept)
    this.#input.set(samples, kept.length)
  }

  #make(until: number): Float32Array<ArrayBuffer> {
    const input = this.#input
    const out = new Float32Array(Math.max(0, until - this.#out))
    for (let at = 0; at < out.length; at++, this.#out++) {
      const position = this.#out * this.#from
      const filter = this.#filter(position % this.#to)
      const begin = Math.floor(position / this.#to) - this.#reach - this.#first
      let sum = 0
      for (let tap = 0; tap < filter.length; tap++) sum += input[begin + tap]! * filter[tap]!
      out[at] = sum
    }
    return out
  }

  #filter(phase: number): Float32Array {
    const known = this.#filters.get(phase)
    if (known) return known
    const taps = Float32Array.from({ length: 2 * this.#reach + 1 }, (_, tap) => {
      const distance = (tap - this.#reach - phase / this.#to) * this.#scale
      const sinc = distance === 0 ? 1 : Math.sin(Math.PI * distance) / (Math.PI * distance)
      return Math.abs(distance) > CROSSINGS ? 0 : sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / CROSSINGS))
    })
    const sum = taps.reduce((total, tap) => total + tap, 0)
    const filter = taps.map((tap) => tap / sum)
    this.#filters.set(phase, filter)
    return filter
  }
}
