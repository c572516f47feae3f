import type { Clock } from '../../core/time.js'
import type { SwitchValue } from '../behaviours/schema.js'
import type { Switchboard } from '../behaviours/switchboard.js'

/** What the timers of a session tell it. */
export interface TimerEvents {
  /** the attached socket said nothing for `idleMs` */
  idle(): void
  /** no socket for too long */
  expired(): void
  /** the session is too old, or holds too much audio */
  limit(): void
}

/** The timers of one session. Switches are read when a timer starts. */
export class SessionTimers {
  readonly #clock: Clock
  readonly #switches: Switchboard
  readonly #events: TimerEvents
  readonly #loose = new Set<() => void>()
  #cancelIdle: (() => void) | null = null
  #cancelDetached: (() => void) | null = null
  #cancelLimit: (() => void) | null = null
  #heardAtMs = 0

  constructor(clock: Clock, switches: Switchboard, events: TimerEvents) {
    this.#clock = clock
    this.#switches = switches
    this.#events = events
  }

  /** The session exists and waits for its first socket. */
  created(): void {
    if (this.#switches.peek('sessionLimitCounts') === 'wall') {
      this.#cancelLimit = this.#clock.after(this.#switches.peek('sessionLimitMs'), () => this.#events.limit())
    }
    const detached = this.#switches.peek('detached')
    if (detached !== 'never_ends') this.#expireAfter(typeof detached === 'object' ? detached.survivesMs : 60_000)
  }

  /** A socket is there. @param watch whether silence of the client counts */
  attached(watch: boolean): void {
    this.#cancelDetached?.()
    this.#cancelDetached = null
    this.#cancelIdle?.()
    this.#cancelIdle = null
    this.heard()
    if (watch) this.#watchIdle()
  }

  /** The socket is gone. */
  detached(): void {
    this.#cancelIdle?.()
    this.#cancelIdle = null
    const detached: SwitchValue<'detached'> = this.#switches.use('detached')
    if (detached === 'never_ends') return
    this.#expireAfter(detached === 'ends_at_once' ? 0 : detached.survivesMs)
  }

  /** The client said something. */
  heard(): void {
    this.#heardAtMs = this.#clock.monotonicMs()
  }

  /** Audio was taken. @param audioSec accepted in all */
  audio(audioSec: number): void {
    if (this.#switches.peek('sessionLimitCounts') === 'audio' && audioSec * 1000 >= this.#switches.peek('sessionLimitMs'))
      this.#events.limit()
  }

  /** The recording stopped: only loose timers run on. */
  stopped(): void {
    for (const cancel of [this.#cancelIdle, this.#cancelDetached, this.#cancelLimit]) cancel?.()
  }

  /** @returns the cancel function */
  after(ms: number, run: () => void): () => void {
    const cancel = this.#clock.after(ms, () => {
      this.#loose.delete(forget)
      run()
    })
    const forget = () => {
      this.#loose.delete(forget)
      cancel()
    }
    this.#loose.add(forget)
    return forget
  }

  close(): void {
    this.stopped()
    for (const forget of this.#loose) forget()
  }

  #expireAfter(ms: number): void {
    this.#cancelDetached?.()
    this.#cancelDetached = this.#clock.after(ms, () => this.#events.expired())
  }

  #watchIdle(): void {
    const idleMs = this.#switches.peek('idleMs')
    if (idleMs === 'never') return
    const leftMs = this.#heardAtMs + idleMs - this.#clock.monotonicMs()
    if (leftMs <= 0) this.#events.idle()
    else this.#cancelIdle = this.#clock.after(Math.ceil(leftMs), () => this.#watchIdle())
  }
}
