import type { Clock } from '../../core/time.js'
import type { MeetingWatcher, SpokenLine } from '../observe.js'

/** Keeps the final texts with the moment at which they were durable, and passes everything on. */
export class Recorder implements MeetingWatcher {
  readonly lines: (SpokenLine & { readonly atMs: number })[] = []
  readonly #view: MeetingWatcher
  readonly #clock: Clock

  constructor(view: MeetingWatcher, clock: Clock) {
    this.#view = view
    this.#clock = clock
  }

  interim(line: SpokenLine): void {
    this.#view.interim?.(line)
  }

  final(line: SpokenLine): void {
    this.lines.push({ ...line, atMs: this.#clock.monotonicMs() })
    this.#view.final?.(line)
  }

  state(...args: Parameters<NonNullable<MeetingWatcher['state']>>): void {
    this.#view.state?.(...args)
  }

  error(error: Error): void {
    this.#view.error?.(error)
  }
}
