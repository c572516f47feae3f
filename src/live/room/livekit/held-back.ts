/** What the library's buffer of one track has let go since it began. */
export interface BufferTotals {
  readonly id: string
  /** how long samples lay in it, each one's stay added up */
  readonly seconds: number
  readonly samples: number
}

/**
 * How long sound lies in the library between its arrival and its frame. It is what keeps a stream even over a network that is not: 40 to 80 ms
 * on a quiet machine, several hundred where the processor is short. What lies there when a connection ends is received by nobody.
 */
export class HeldBack {
  /** ms, of the track with most, mean over the time between the last two looks; 0 before there were two */
  ms = 0
  #before = new Map<string, BufferTotals>()

  look(tracks: readonly BufferTotals[]): void {
    const means = tracks.map(({ id, seconds, samples }) => {
      const before = this.#before.get(id)
      return before && samples > before.samples ? (1000 * (seconds - before.seconds)) / (samples - before.samples) : 0
    })
    this.#before = new Map(tracks.map((track) => [track.id, track]))
    this.ms = Math.max(0, ...means)
  }
}
