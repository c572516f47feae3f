import { clockText, printable, type Paint } from './paint.js'

/** A line of talk, as the view needs it. */
export interface Spoken {
  /** what replaces what: interim and final versions of one utterance share it */
  readonly key: string
  /** null when unknown */
  readonly identity: string | null
  readonly name: string
  readonly startMs: number
  readonly text: string
}

/** Where the view writes. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const NAME_WIDTH = 16
/** without a terminal, an interim line of one person at most this often */
const PLAIN_INTERIM_MS = 1_500
const MAX_INTERIM_LINES = 8

/**
 * Attributed text as it is said. On a terminal interim lines stand below the final ones and change in place; elsewhere
 * they are printed now and then, marked with dots.
 */
export class LiveView {
  readonly #screen: Screen
  readonly #paint: Paint
  readonly #monotonicMs: () => number
  readonly #interim = new Map<string, Spoken>()
  readonly #colours = new Map<string, number>()
  readonly #plainShown = new Map<string, number>()
  #drawnLines = 0
  #status = ''

  constructor(screen: Screen, paint: Paint, monotonicMs: () => number) {
    this.#screen = screen
    this.#paint = paint
    this.#monotonicMs = monotonicMs
  }

  interim(spoken: Spoken): void {
    if (spoken.text === '') return
    this.#interim.set(spoken.key, spoken)
    if (this.#screen.isTTY) {
      this.#redraw([])
      return
    }
    const person = spoken.identity ?? '?'
    const now = this.#monotonicMs()
    if (now - (this.#plainShown.get(person) ?? -PLAIN_INTERIM_MS) < PLAIN_INTERIM_MS) return
    this.#plainShown.set(person, now)
    this.#screen.write(`${this.#line(spoken, true)}\n`)
  }

  final(spoken: Spoken): void {
    this.#interim.delete(spoken.key)
    this.#redraw([this.#line(spoken, false)])
  }

  /** A line about the meeting itself. */
  note(text: string): void {
    this.#redraw([this.#paint.dim(`        ${printable(text)}`)])
  }

  /**
   * One line below all others, which the next one replaces.
   * @param isMilestone elsewhere than on a terminal it is printed; others are not
   */
  status(text: string, isMilestone: boolean): void {
    if (!this.#screen.isTTY) {
      if (isMilestone) this.note(text)
      return
    }
    this.#status = text
    this.#redraw([])
  }

  /** Forgets interim lines and the status, and leaves the cursor below everything. */
  end(): void {
    this.#interim.clear()
    this.#status = ''
    this.#redraw([])
  }

  #redraw(lines: readonly string[]): void {
    if (!this.#screen.isTTY) {
      for (const line of lines) this.#screen.write(`${line}\n`)
      return
    }
    const open = [...this.#interim.values()].slice(-MAX_INTERIM_LINES).map((spoken) => this.#line(spoken, true))
    if (this.#status !== '') open.push(this.#paint.dim(`        ${printable(this.#status)}`))
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : ''
    const text = [...lines, ...open].map((line) => `${line}\n`).join('')
    this.#screen.write(`${up}\u001b[0J${text}`)
    this.#drawnLines = open.length
  }

  #line(spoken: Spoken, interim: boolean): string {
    const person = spoken.identity ?? '?'
    if (!this.#colours.has(person)) this.#colours.set(person, this.#colours.size)
    const shown = printable(spoken.name)
    const name = (shown.length > NAME_WIDTH ? `${shown.slice(0, NAME_WIDTH - 1)}…` : shown).padEnd(NAME_WIDTH)
    const time = clockText(spoken.startMs).padStart(7)
    let text = printable(spoken.text)
    if (interim) {
      // an interim line must not wrap: the cursor counts lines
      const room = Math.max(20, (this.#screen.columns ?? 100) - NAME_WIDTH - 14)
      text = text.length > room ? `…${text.slice(text.length - room + 1)}` : text
      return `${this.#paint.dim(time)} ${this.#paint.person(this.#colours.get(person) ?? 0, name)} ${this.#paint.dim(`… ${text}`)}`
    }
    return `${this.#paint.dim(time)} ${this.#paint.person(this.#colours.get(person) ?? 0, name)} ${text}`
  }
}
