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
   * it. Of runs that meet in the stream our frames are far apart: what lies between them was not heard there. A copy of what had been heard
   * before may stand in the midst of a word: that is not where it lies.
   *
   * @param from position in the service's stream, may be fractional
   * @param to not before `from`
   */
  wordFrames(from: number, to: number): readonly [number, number] {
    const pieces = this.#pieces(from, to)
    const best = most(pieces, isCopy(pieces) ? lengthOf : (piece) => lengthOf(piece) - piece.repeated)
    return [best.from, to > from ? best.to : best.from]
  }

  /** Whether a word was heard where audio stands all of which had been heard before: the service had kept it, and it was sent again. */
  isRepeated(from: number, to: number): boolean {
    return isCopy(this.#pieces(from, to))
  }

  /** What a word shares with the runs, the latest first: at least one. Each run goes on until the next begins, the first and the last without end. */
  #pieces(from: number, end: number): readonly [Piece, ...Piece[]] {
    // one of no length lies somewhere too
    const to = Math.max(end, from + 1)
    const pieces: Piece[] = []
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]!
      const first = index === 0 ? from : Math.max(from, run.serverFrom)
      const last = Math.min(to, this.#runs[index + 1]?.serverFrom ?? to)
      if (last >= first) pieces.push(this.#piece(index, first, last))
      if (from >= run.serverFrom) break
    }
    const [piece = { from, to, repeated: 0 }, ...more] = pieces
    return [piece, ...more]
  }

  #piece(index: number, first: number, last: number): Piece {
    const { frameFrom, serverFrom } = this.#runs[index]!
    const [from, to] = [first + frameFrom - serverFrom, last + frameFrom - serverFrom]
    const heardTo = this.#runs.slice(0, index).reduce((end, run) => Math.max(end, run.frameFrom + run.frames), Number.NEGATIVE_INFINITY)
    return { from, to, repeated: Math.max(0, Math.min(to, heardTo) - from) }
  }
}

/** A part of a word that lies in one run, in our frames. */
interface Piece {
  readonly from: number
  readonly to: number
  /** so much of it, from its start on, had been heard before */
  readonly repeated: number
}

/** A word that is so much of a copy is one: its ends are rounded, and of a word that a copy cuts off the engine makes a whole one. */
const COPY_SHARE = 0.5

const lengthOf = ({ from, to }: Piece): number => to - from

/** The first of those that have most. */
function most(pieces: readonly [Piece, ...Piece[]], of: (piece: Piece) => number): Piece {
  return pieces.reduce((best, piece) => (of(piece) > of(best) ? piece : best))
}

/** Its longest piece had been heard before, all of it: one of which only the beginning had been was cut off then, and is whole now. */
function isCopy(pieces: readonly [Piece, ...Piece[]]): boolean {
  const longest = most(pieces, lengthOf)
  const frames = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0)
  return longest.repeated > 0 && longest.repeated >= lengthOf(longest) && lengthOf(longest) >= COPY_SHARE * frames
}
