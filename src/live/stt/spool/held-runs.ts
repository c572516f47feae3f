/** A run of frames, half-open. */
export interface FrameRun {
  readonly fromFrame: number
  readonly toFrame: number
}

/** Which frames of an audio buffer are there: disjoint runs in order. One run in the normal case, one more for each loss in the middle. */
export class HeldRuns {
  #runs: FrameRun[] = []

  /** in order; not touched afterwards */
  get runs(): readonly FrameRun[] {
    return this.#runs
  }

  /** first frame that is there, or null when there is none */
  get first(): number | null {
    return this.#runs[0]?.fromFrame ?? null
  }

  /** Adds frames after everything that is there. */
  append(fromFrame: number, toFrame: number): void {
    if (toFrame <= fromFrame) return
    const last = this.#runs.at(-1)
    if (last?.toFrame === fromFrame) this.#runs[this.#runs.length - 1] = { fromFrame: last.fromFrame, toFrame }
    else this.#runs.push({ fromFrame, toFrame })
  }

  /** Takes frames away. @returns those of them that were there */
  cut(fromFrame: number, toFrame: number): readonly FrameRun[] {
    if (toFrame <= fromFrame || (this.first ?? toFrame) >= toFrame) return []
    const gone: FrameRun[] = []
    const left: FrameRun[] = []
    for (const run of this.#runs) {
      const from = Math.max(run.fromFrame, fromFrame)
      const to = Math.min(run.toFrame, toFrame)
      if (from >= to) {
        left.push(run)
        continue
      }
      gone.push({ fromFrame: from, toFrame: to })
      if (run.fromFrame < from) left.push({ fromFrame: run.fromFrame, toFrame: from })
      if (to < run.toFrame) left.push({ fromFrame: to, toFrame: run.toFrame })
    }
    this.#runs = left
    return gone
  }

  /** The run that holds `frame`, else the next one; from `frame` on. Null: nothing more. */
  from(frame: number): FrameRun | null {
    const run = this.#runs.find(({ toFrame }) => toFrame > frame)
    return run ? { fromFrame: Math.max(frame, run.fromFrame), toFrame: run.toFrame } : null
  }
}
