import type { Segment } from '../../../src/live/transcript/segment.js'
import { Attending } from './attending.js'
import { runBareBots } from './bare-bots.js'
import { SimProcess } from './clock.js'
import type { SimWorld } from './world.js'

/** One process of a meeting. */
export interface Running {
  readonly process: SimProcess
  /** host whose disks it has */
  readonly host: number
  /** a bot of it has run to its end, or the process itself has */
  hasRun: boolean
  /** nothing more is tried */
  isDone: boolean
  error: unknown
  readonly told: Segment[]
  /** simulated ms when it was told to end its meetings; null: it was not */
  stoppedMs: number | null
  /** SIGTERM reaches it; null: nothing of it listens */
  leave: ((how: 'handover' | 'stop') => void) | null
}

/** The processes of a meeting, one after the other; a newer one may run beside those before it. */
export class SimProcesses {
  readonly runs: Running[] = []
  readonly #world: SimWorld
  readonly #attending: Attending
  #launching = 0

  constructor(world: SimWorld) {
    this.#world = world
    this.#attending = new Attending(world)
  }

  /** The newest one, when it runs and has something to do. */
  get victim(): Running | null {
    const newest = this.runs.at(-1)
    return newest && !newest.hasRun && newest.process.state === 'running' ? newest : null
  }

  /** Whether all that there are, and will be, are dead or have nothing more to do. */
  get areDone(): boolean {
    return (
      this.#launching === 0 && this.runs.every(({ process, isDone }) => process.state === 'dead' || (process.state === 'running' && isDone))
    )
  }

  launch(): void {
    const { time, disks, kind } = this.#world
    const running: Running = {
      process: new SimProcess(time),
      host: this.runs.length % disks.length,
      hasRun: false,
      isDone: false,
      error: null,
      told: [],
      stoppedMs: null,
      leave: null,
    }
    this.runs.push(running)
    void (kind === 'bare' ? runBareBots(running, this.#world) : this.#attending.run(running))
  }

  /** The next one begins after so long. */
  replace(afterMs: number): void {
    this.#launching++
    this.#world.time.after(afterMs, () => {
      this.#launching--
      this.launch()
    })
  }
}
