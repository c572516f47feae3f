import { assertNever } from '../../core/errors.js'
import type { Gap, LiveEvent, LiveSegment, Meeting, Partial } from '../api/types.js'

/** One line of captions. The key stays the same from the first partial to the final text, so that its element stays too. */
export interface CaptionRow {
  readonly kind: 'caption'
  readonly key: string
  readonly identity: string | null
  readonly name: string | null
  readonly startMs: number
  readonly endMs: number
  readonly text: string
  readonly isFinal: boolean
}

/** A time in which somebody could not be heard. */
export interface GapRow extends Gap {
  readonly kind: 'gap'
  readonly key: string
  readonly startMs: number
}
export type Row = CaptionRow | GapRow

/** Rows that are kept: about two hours of talk. Older ones go, and are in the transcript. */
export const MAX_ROWS = 3_000

/**
 * What a live meeting looks like now, out of its events.
 *  F1 a final replaces the partials of its utterance in their place; partials that come after it change nothing.
 *  F2 the same event twice changes nothing.
 *  F3 rows stand in order of their beginning; a row that is there never moves.
 *  F4 at most MAX_ROWS rows are kept, the newest.
 *  F5 who speaks is as told last, nobody after a break; only where it was never told, whose words are still coming.
 */
export class LiveFeed {
  #rows: Row[] = []
  /** keys of rows, and of utterances that are over */
  readonly #final = new Set<string>()
  #dropped = 0
  #meeting: Meeting | null = null
  /** null: nobody has told */
  #speaking: readonly string[] | null = null
  #waiting: readonly string[] = []
  #isOver = false

  /** In order; a new array after each change, a new object for each row that changed. */
  get rows(): readonly Row[] {
    return this.#rows
  }

  /** how many older rows are no longer here */
  get dropped(): number {
    return this.#dropped
  }

  get meeting(): Meeting | null {
    return this.#meeting
  }

  /** identities of those who are heard at this moment: as told, else whose words are still coming */
  get speaking(): readonly string[] {
    if (this.#speaking !== null) return this.#speaking
    const of = this.#rows.flatMap((row) => (row.kind === 'caption' && !row.isFinal && row.identity !== null ? [row.identity] : []))
    return [...new Set(of)]
  }

  /** identities of those whose speech waits for a channel */
  get waiting(): readonly string[] {
    return this.#waiting
  }

  /** whether the feed has ended with the meeting */
  get isOver(): boolean {
    return this.#isOver
  }

  /** @returns whether anything looks different now */
  apply(event: LiveEvent): boolean {
    switch (event.kind) {
      case 'state':
        this.#meeting = event.meeting
        return true
      case 'partial':
        return this.#partial(event.partial)
      case 'segment':
        return this.#segment(event.segment)
      case 'gap':
        return this.#gap(event.gap)
      case 'activity':
        return this.#activity(event.speaking, event.waiting)
      case 'end':
        this.#isOver = true
        this.#activity([], [])
        if (this.#meeting !== null) this.#meeting = { ...this.#meeting, state: event.state, reason: event.reason }
        this.forgetPassing()
        return true
      default:
        return assertNever(event)
    }
  }

  /** Forgets what was not final, and who spoke: after a break nobody knows what became of it, and what goes on comes again. */
  forgetPassing(): void {
    this.#rows = this.#rows.filter((row) => row.kind === 'gap' || row.isFinal)
    if (this.#speaking !== null) this.#activity([], [])
  }

  #activity(speaking: readonly string[], waiting: readonly string[]): boolean {
    const isSame = this.#speaking !== null && isSameList(this.#speaking, speaking) && isSameList(this.#waiting, waiting)
    this.#speaking = speaking
    this.#waiting = waiting
    return !isSame
  }

  #partial({ id, identity, name, startMs, endMs, text }: Partial): boolean {
    const key = `u:${id}`
    if (this.#final.has(key)) return false
    if (text === '') {
      const before = this.#rows.length
      this.#rows = this.#rows.filter((row) => row.key !== key)
      return this.#rows.length !== before
    }
    return this.#put({ kind: 'caption', key, identity, name: name ?? this.#nameOf(identity), startMs, endMs, text, isFinal: false })
  }

  #segment({ id, utterance, identity, name, startMs, endMs, text }: LiveSegment): boolean {
    if (this.#final.has(`s:${id}`)) return false
    const ofUtterance = utterance === undefined ? null : `u:${utterance}`
    // the first part of an utterance takes the place of its partial; further parts get places of their own
    const key = ofUtterance !== null && !this.#final.has(ofUtterance) ? ofUtterance : `s:${id}`
    this.#final.add(`s:${id}`)
    if (ofUtterance !== null) this.#final.add(ofUtterance)
    this.#bound()
    return this.#put({ kind: 'caption', key, identity, name: name ?? this.#nameOf(identity), startMs, endMs, text, isFinal: true })
  }

  #gap(gap: Gap): boolean {
    const key = `g:${gap.identity}:${gap.fromMs}:${gap.reason}`
    return this.#put({ ...gap, kind: 'gap', key, startMs: gap.fromMs })
  }

  #nameOf(identity: string | null): string | null {
    return this.#meeting?.participants.find((person) => person.identity === identity)?.name ?? null
  }

  #put(row: Row): boolean {
    for (let at = this.#rows.length - 1; at >= 0; at--) {
      if (this.#rows[at]?.key !== row.key) continue
      this.#rows = this.#rows.with(at, row)
      return true
    }
    let at = this.#rows.length
    while (at > 0 && (this.#rows[at - 1]?.startMs ?? 0) > row.startMs) at--
    const excess = this.#rows.length + 1 - MAX_ROWS
    this.#rows = this.#rows.toSpliced(at, 0, row)
    if (excess > 0) {
      this.#rows = this.#rows.slice(excess)
      this.#dropped += excess
    }
    return true
  }

  /** What is known to be over is bounded as the rows are: a set keeps the order in which things came. */
  #bound(): void {
    for (const key of this.#final) {
      if (this.#final.size <= 2 * MAX_ROWS) break
      this.#final.delete(key)
    }
  }
}

const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, at) => text === other[at])
