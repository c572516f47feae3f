import { cpus } from 'node:os'
import { systemClock } from '../../src/core/time.js'

/** A stretch of monotonic ms in which the machine's cores had next to no time to spare. */
export interface Busy {
  readonly fromMs: number
  readonly toMs: number
}

const EVERY_MS = 500
/** of all cores' time; below it threads wait for each other, which shows in no process's event loop */
const SPARE_SHARE = 0.12

/** Watches what the whole machine has to spare: what it was given to somebody else (steal) counts as spent. */
export class MachineWatch {
  readonly #busy: Busy[] = []
  #fromMs = systemClock.monotonicMs()
  #idleMs = idleMs()
  readonly #timer = setInterval(() => this.#look(), EVERY_MS)

  /** When it was short of cores until now, in order; what touches is one stretch. */
  get busy(): readonly Busy[] {
    return this.#busy
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const [fromMs, idleBefore] = [this.#fromMs, this.#idleMs]
    const toMs = (this.#fromMs = systemClock.monotonicMs())
    this.#idleMs = idleMs()
    if (this.#idleMs - idleBefore >= SPARE_SHARE * (toMs - fromMs) * cpus().length) return
    const last = this.#busy.at(-1)
    if (last?.toMs === fromMs) this.#busy.splice(-1, 1, { fromMs: last.fromMs, toMs })
    else this.#busy.push({ fromMs, toMs })
  }
}

const idleMs = (): number => cpus().reduce((sum, { times }) => sum + times.idle, 0)
