/**
 * Linear interpolation of interleaved s16 from one rate to another, frame by frame, whatever the chunks: the output of
 * a stream does not depend on where it was cut. No low-pass before going down: good enough for speech engines, not for ears.
 * Positions are whole numbers of 1/(from x to) seconds, so nothing drifts.
 */
export class LinearResampler {
  readonly #channels: number
  readonly #from: number
  readonly #to: number
  /** last input frame of the previous call */
  readonly #previous: Int16Array
  #inFrames = 0
  #outFrames = 0

  constructor(channels: number, fromRate: number, toRate: number) {
    this.#channels = channels
    this.#from = fromRate
    this.#to = toRate
    this.#previous = new Int16Array(channels)
  }

  /** @param block interleaved, complete frames; @returns the caller's */
  process(block: Int16Array): Int16Array {
    const channels = this.#channels
    const frames = block.length / channels
    if (frames === 0) return new Int16Array(0)
    const first = this.#inFrames
    const last = first + frames - 1
    // output k lies at input position k x from / to and needs the frames on both sides
    const count = Math.max(0, Math.floor((last * this.#to) / this.#from) - this.#outFrames + 1)
    const out = new Int16Array(count * channels)
    const at = (frame: number, channel: number) =>
      (frame < first ? this.#previous[channel] : block[(frame - first) * channels + channel]) ?? 0
    for (let k = 0; k < count; k++) {
      const position = (this.#outFrames + k) * this.#from
      const frame = Math.floor(position / this.#to)
      const share = (position % this.#to) / this.#to
      for (let channel = 0; channel < channels; channel++) {
        const left = at(frame, channel)
        out[k * channels + channel] = share === 0 ? left : Math.round(left + (at(frame + 1, channel) - left) * share)
      }
    }
    this.#previous.set(block.subarray((frames - 1) * channels))
    this.#inFrames += frames
    this.#outFrames += count
    return out
  }
}
