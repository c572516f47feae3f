import type { SessionId } from '../../core/ids.js'
import type { VoicedRun } from '../audio/ledger.js'
import type { Span } from '../audio/span.js'
import { common, lengthOf, merged, type Range } from './ranges.js'
import { meetingMsOf } from './span-index.js'

/** Frames of one session, merged. */
export type FramesOf = (sessionId: SessionId) => readonly Range[]

const EVERYTHING: readonly Range[] = [[0, Number.POSITIVE_INFINITY]]

/**
 * The voice of one person that was sent: which frames of which sessions it is, and when in the meeting that was. Two tracks of a
 * person at once count twice in frames, and once in meeting time.
 */
export class Voice {
  readonly #runs: readonly VoicedRun[]
  /** by session, then channel; each in order, without overlap */
  readonly #spans = new Map<SessionId, Span[][]>()

  /**
   * @param runs frames that were voice
   * @param spans the person's own
   */
  constructor(runs: readonly VoicedRun[], spans: readonly Span[]) {
    this.#runs = runs
    for (const span of spans.toSorted((a, b) => a.fromFrame - b.fromFrame)) {
      let channels = this.#spans.get(span.sessionId)
      if (!channels) this.#spans.set(span.sessionId, (channels = []))
      const channel = channels.find((line) => line[0]?.channel === span.channel)
      if (channel) channel.push(span)
      else channels.push([span])
    }
  }

  /** How many frames of voice lie in those frames. */
  framesIn(framesOf: FramesOf): number {
    return this.#runs.reduce((sum, run) => sum + lengthOf(piecesOf(run, framesOf)), 0)
  }

  /** How many frames of voice no span explains. */
  unexplained(): number {
    return this.#runs.reduce((sum, run) => {
      const explained = this.#under(run.sessionId, run.fromFrame, run.toFrame).map(([, range]) => range)
      return sum + run.toFrame - run.fromFrame - lengthOf(merged(explained))
    }, 0)
  }

  /** When in the meeting the voice in those frames was spoken, ms, merged. */
  times(framesOf: FramesOf = () => EVERYTHING): Range[] {
    const times: Range[] = []
    for (const run of this.#runs) {
      for (const [from, to] of piecesOf(run, framesOf)) {
        for (const [span, part] of this.#under(run.sessionId, from, to))
          times.push([meetingMsOf(span, part[0]), meetingMsOf(span, part[1])])
      }
    }
    return merged(times)
  }

  /** The spans that lie over a run of frames, each with what it shares with it. */
  #under(sessionId: SessionId, fromFrame: number, toFrame: number): [Span, Range][] {
    const found: [Span, Range][] = []
    for (const spans of this.#spans.get(sessionId) ?? []) {
      for (let at = firstBeyond(spans, fromFrame); at < spans.length; at++) {
        const span = spans[at] as Span
        if (span.fromFrame >= toFrame) break
        found.push([span, [Math.max(fromFrame, span.fromFrame), Math.min(toFrame, span.toFrame)]])
      }
    }
    return found
  }
}

function piecesOf({ sessionId, fromFrame, toFrame }: VoicedRun, framesOf: FramesOf): Range[] {
  return common([[fromFrame, toFrame]], framesOf(sessionId))
}

/** Index of the first span that ends after the frame. */
function firstBeyond(spans: readonly Span[], frame: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span).toFrame <= frame) low = middle + 1
    else high = middle
  }
  return low
}
