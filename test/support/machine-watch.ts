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
  #seen = { atMs: systemClock.monotonicMs(), idleMs: idleMs() }
  readonly #cancel = systemClock.every(EVERY_MS, () => this.#look())

  /** When it was short of cores until now, in order. */
  get busy(): readonly Busy[] {
    return this.#busy
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }

  #look(): void {
    const before = this.#seen
    const now = (this.#seen = { atMs: systemClock.monotonicMs(), idleMs: idleMs() })
    if (now.idleMs - before.idleMs < SPARE_SHARE * (now.atMs - before.atMs)) this.#busy.push({ fromMs: before.atMs, toMs: now.atMs })
  }
}

/** How long the cores have been idle since the start of the machine, the mean of all. */
function idleMs(): number {
  const cores = cpus()
  return cores.reduce((sum, { times }) => sum + times.idle, 0) / cores.length
}
