import { StateError } from '../../../core/errors.js'
import { CODE_TONES, markTones } from './codec.js'
import type { Mark } from './codec.js'
import { findEdge } from './edge.js'
import type { AmplitudeTrace } from './edge.js'
import { WINDOW_SAMPLES, WindowReader } from './window.js'
import type { Reading } from './window.js'

/**
 * Reads marks from one channel of 16 kHz mono s16, as it comes.
 *
 * D1 consecutive windows (32 ms, one each 5 ms) of one word are one mark; up to 150 ms of unreadable windows inside are a hole.
 * D2 another word ends a mark, once it is sure: 4 windows, or 8 when each of them was repaired. Fewer are no mark.
 * D3 a mark of more than 1 s is cut there (nobody sends one): what the decoder keeps is bounded.
 * D4 start and end are where the amplitude of the mark's own tones crosses half its full value, between two windows; tones that a
 *    touching neighbour has too do not count. A whole mark reads 152 +- 2 ms; its start is 4 ms after its slot begins.
 */

export const DECODER_RATE = 16_000
const HOP = 80
const HOP_SEC = HOP / DECODER_RATE
/** windows of silence within a mark */
const MAX_HOLE = 30
/** a mark may begin this many windows before the first that reads it: 30 ms */
const SETTLING = 6
const SURE_WINDOWS = 4
const SURE_REPAIRED_WINDOWS = 8
const MAX_WINDOWS = 200
/** windows looked at beyond either end of a mark */
const TAIL = 14
/** a neighbour nearer than this (between the centres of readable windows) may share windows with the mark: 45 ms */
const TOUCHING = 9
/** fewer own tones than this cannot carry an amplitude: then shared ones count as well */
const MIN_OWN_TONES = 3
const TRACE = 512
/** zeros before the first sample, so that a mark that begins there has windows before it */
const LEAD = WINDOW_SAMPLES / 2 + 3 * HOP
/** a window whose middle 30 ms are below this holds no mark worth reading */
const SILENT_RMS = 20
const SILENCE_HOPS = 6

/** A mark as heard. Times in seconds from the first sample that was pushed. */
export interface DecodedMark extends Mark {
  readonly startSec: number
  readonly endSec: number
  /** unreadable time inside */
  readonly holeMs: number
  /** windows that read it */
  readonly windows: number
  /** how clear it was: median over its windows, dB; the limit is 3 */
  readonly marginDb: number
  /** every window needed its check to read it */
  readonly repaired: boolean
}

interface Run {
  readonly mark: Mark
  readonly first: number
  last: number
  windows: number
  clean: number
  readonly margins: number[]
  holeWindows: number
  before: Neighbour | null
  after: Neighbour | null
}

/** The mark next to another, and its readable window that is nearest to it. */
interface Neighbour {
  readonly mark: Mark
  readonly window: number
}

/** One channel's decoder. Costs 3-4 ms of CPU per second of sound and next to nothing in silence. */
export class MarkDecoder {
  readonly #reader = new WindowReader()
  /** samples not yet used up; the window that is next begins at 0 */
  readonly #rest = new Int16Array(DECODER_RATE / 10 + WINDOW_SAMPLES)
  #held = LEAD
  #window = 0
  readonly #trace: AmplitudeTrace = { size: TRACE, tones: CODE_TONES, values: new Float32Array(TRACE * CODE_TONES) }
  /** sum of squares of the hops at the head of #rest */
  readonly #hopEnergy: number[] = []
  #current: Run | null = null
  #candidate: Run | null = null
  /** ended marks that wait for the windows after them */
  #ended: Run[] = []
  #found: DecodedMark[] = []
  #flushed = false

  /** Bytes of audio are copied; @returns marks that ended, oldest first: about 0.2 s behind, at once when the next mark is sure. */
  push(samples: Int16Array): DecodedMark[] {
    if (this.#flushed) throw new StateError('mark decoder: push after flush')
    return this.#push(samples)
  }

  /** Ends the audio. @returns the marks that were still open */
  flush(): DecodedMark[] {
    if (this.#flushed) return []
    const found = this.#push(new Int16Array(WINDOW_SAMPLES + HOP * (MAX_HOLE + TAIL + 2)))
    this.#flushed = true
    return found
  }

  /** Every mark that begins before this has been reported; seconds. About 60 ms behind what was pushed in silence, 0.2 s behind in a turn. */
  get settledSec(): number {
    const open = this.#ended[0] ?? this.#current ?? this.#candidate
    return timeOf((open ? open.first : this.#window) - SETTLING)
  }

  #push(samples: Int16Array): DecodedMark[] {
    for (let from = 0; from < samples.length;) {
      const count = Math.min(samples.length - from, this.#rest.length - this.#held)
      this.#rest.set(samples.subarray(from, from + count), this.#held)
      this.#held += count
      from += count
      this.#readWindows()
    }
    const found = this.#found
    this.#found = []
    return found
  }

  #readWindows(): void {
    let at = 0
    for (; at + WINDOW_SAMPLES <= this.#held; at += HOP) {
      const amplitudes = this.#row()
      let reading: Reading | null = null
      if (this.#isSilent(at)) amplitudes.fill(0)
      else {
        this.#reader.amplitudes(this.#rest, at, amplitudes)
        reading = this.#reader.read(amplitudes)
      }
      this.#note(reading)
      this.#window++
    }
    this.#rest.copyWithin(0, at, this.#held)
    this.#held -= at
  }

  #row(): Float32Array {
    const row = (this.#window % TRACE) * CODE_TONES
    return this.#trace.values.subarray(row, row + CODE_TONES)
  }

  #isSilent(from: number): boolean {
    const hops = this.#hopEnergy
    while (hops.length < SILENCE_HOPS) hops.push(energy(this.#rest, from + hops.length * HOP))
    let sum = 0
    for (const hop of hops) sum += hop
    hops.shift()
    return sum < SILENT_RMS * SILENT_RMS * SILENCE_HOPS * HOP
  }

  #note(reading: Reading | null): void {
    const now = this.#window
    const current = this.#current
    if (reading && current && same(reading.mark, current.mark)) {
      extend(current, reading, now)
      this.#candidate = null
      if (now - current.first >= MAX_WINDOWS) this.#end()
    } else if (reading) {
      if (this.#candidate && same(reading.mark, this.#candidate.mark)) extend(this.#candidate, reading, now)
      else this.#candidate = begin(reading, now)
      if (isSure(this.#candidate)) this.#succeed(this.#candidate)
    }
    if (this.#current && now - this.#current.last > MAX_HOLE) this.#end()
    if (this.#candidate && now - this.#candidate.last > MAX_HOLE) this.#candidate = null
    while (this.#ended[0] && now >= this.#ended[0].last + TAIL) this.#report(this.#ended.shift()!)
  }

  #succeed(next: Run): void {
    const current = this.#current
    if (current) {
      current.after = { mark: next.mark, window: next.first }
      next.before = { mark: current.mark, window: current.last }
      this.#end()
    }
    this.#current = next
    this.#candidate = null
  }

  #end(): void {
    if (this.#current) this.#ended.push(this.#current)
    this.#current = null
  }

  #report(run: Run): void {
    const startSec = timeOf(findEdge(this.#trace, ownTones(run, run.before), run.first, run.last, -1, TAIL))
    const endSec = timeOf(findEdge(this.#trace, ownTones(run, run.after), run.first, run.last, 1, TAIL))
    run.margins.sort((a, b) => a - b)
    const marginDb = run.margins[run.margins.length >> 1] ?? 0
    const { mark, windows } = run
    this.#found.push({ ...mark, startSec, endSec, holeMs: run.holeWindows * HOP_SEC * 1000, windows, marginDb, repaired: run.clean === 0 })
  }
}

const same = (a: Mark, b: Mark): boolean => a.n === b.n && a.who === b.who

const isSure = (run: Run): boolean => run.windows >= (run.clean > 0 ? SURE_WINDOWS : SURE_REPAIRED_WINDOWS)

function begin(reading: Reading, now: number): Run {
  const run = { mark: reading.mark, first: now, last: now, windows: 0, clean: 0, margins: [], holeWindows: 0, before: null, after: null }
  extend(run, reading, now)
  return run
}

function extend(run: Run, reading: Reading, now: number): void {
  run.holeWindows += Math.max(0, now - run.last - 1)
  run.last = now
  run.windows++
  if (!reading.repaired) run.clean++
  run.margins.push(reading.marginDb)
}

/** The tones of a mark without those that a touching neighbour sounds as well. */
function ownTones(run: Run, neighbour: Neighbour | null): number[] {
  const tones = markTones(run.mark.who, run.mark.n)
  if (!neighbour) return tones
  const apart = neighbour.window > run.last ? neighbour.window - run.last : run.first - neighbour.window
  if (apart > TOUCHING) return tones
  const shared = new Set(markTones(neighbour.mark.who, neighbour.mark.n))
  const own = tones.filter((tone) => !shared.has(tone))
  return own.length >= MIN_OWN_TONES ? own : tones
}

/** Seconds at the centre of a window. */
const timeOf = (window: number): number => (window * HOP + WINDOW_SAMPLES / 2 - LEAD) / DECODER_RATE

function energy(samples: Int16Array, from: number): number {
  let sum = 0
  for (let at = from; at < from + HOP; at++) sum += samples[at]! * samples[at]!
  return sum
}
