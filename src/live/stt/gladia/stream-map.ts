/** So many frames of ours stand unbroken in the service's stream. */
export interface StreamRun {
  readonly serverFrom: number
  readonly frameFrom: number
  readonly frames: number
}

interface Run extends StreamRun {
  frames: number
}

/** Runs kept; a run is begun only by a fault, and utterances are about the newest audio. */
const MAX_RUNS = 4096

/**
 * Which of our frames stands at which position of the service's stream. The two part when the service has kept audio that is
 * sent again, or when audio that had to be dropped was never sent: utterance times are in its positions, spans in our frames.
 */
export class StreamMap {
  readonly #runs: Run[] = []

  /** in the order of the stream */
  get runs(): readonly StreamRun[] {
    return this.#runs
  }

  /** The next frames of the stream. Positions must grow. */
  append(serverFrom: number, frameFrom: number, frames: number): void {
    const last = this.#runs.at(-1)
    if (last && last.serverFrom + last.frames === serverFrom && last.frameFrom + last.frames === frameFrom) {
      last.frames += frames
      return
    }
    this.#runs.push({ serverFrom, frameFrom, frames })
    if (this.#runs.length > MAX_RUNS) this.#runs.shift()
  }

  /** Forgets what was thought to stand at or after `position`: the service did not take it. */
  truncate(position: number): void {
    for (let last = this.#runs.at(-1); last && last.serverFrom + last.frames > position; last = this.#runs.at(-1)) {
      if (last.serverFrom >= position) this.#runs.pop()
      else last.frames = position - last.serverFrom
    }
  }

  /**
   * @param position in the service's stream, may be fractional
   * @param edge an end that falls between two runs belongs to the earlier one, a start to the later
   * @returns our frame, fractional alike; before and after everything known it is extrapolated
   */
  toFrame(position: number, edge: 'start' | 'end'): number {
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]!
      const inside = edge === 'start' ? position >= run.serverFrom : position > run.serverFrom
      if (inside || index === 0) return run.frameFrom + position - run.serverFrom
    }
    return position
  }

  /**
   * Where a word lies, which is short enough to have been heard in one run: both ends are of the run that it shares most with, and held to
   * it. Of runs that meet in the stream our frames are far apart: what lies between them was not heard there.
   *
   * @param from position in the service's stream, may be fractional
   * @param to not before `from`
   */
  wordFrames(from: number, to: number): readonly [number, number] {
    return this.#placeOf(from, to).frames
  }

  /** Whether a word was heard where audio stands all of which had been heard before: the service had kept it, and it was sent again. */
  isRepeated(from: number, to: number): boolean {
    const { frames, index } = this.#placeOf(from, to)
    const heardTo = this.#runs.slice(0, index).reduce((end, run) => Math.max(end, run.frameFrom + run.frames), Number.NEGATIVE_INFINITY)
    return frames[0] < heardTo && frames[1] <= heardTo
  }

  #placeOf(from: number, to: number): { readonly frames: readonly [number, number]; readonly index: number } {
    let best: { readonly frames: readonly [number, number]; readonly index: number } = { frames: [from, to], index: 0 }
    let most = Number.NEGATIVE_INFINITY
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]!
      // each goes on until the next begins, the first and the last without end
      const first = index === 0 ? from : Math.max(from, run.serverFrom)
      const last = Math.min(to, this.#runs[index + 1]?.serverFrom ?? to)
      if (last - first > most) {
        most = last - first
        const shift = run.frameFrom - run.serverFrom
        best = { frames: [first + shift, last + shift], index }
      }
      if (from >= run.serverFrom) break
    }
    return best
  }
}
