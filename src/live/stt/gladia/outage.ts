import type { Limits } from './limits.js'

/** What time has brought. */
export interface OutageLook {
  /** the connection has held for so long that the backoff begins anew */
  readonly isStable: boolean
  /** it has been tried for long enough */
  readonly isOver: boolean
  /** once an outage: it has lasted this long, and somebody should know */
  readonly alarmMs: number | null
}

/** Since when a session has been out of reach, and since when its connection holds. All times monotonic, ms. */
export class Outage {
  readonly #limits: Limits
  /** what patience counts from; null while all is well */
  #awayMs: number | null
  /** what the alarm counts from */
  #sinceMs: number | null
  #connectedMs: number | null = null
  #isAlarmed = false

  /** @param fromMs when the service is to be asked for the session: what is held back until then is no outage */
  constructor(limits: Limits, fromMs: number) {
    this.#limits = limits
    this.#awayMs = fromMs
    this.#sinceMs = fromMs
  }

  /** The session exists: from now on it is a connection that is waited for. */
  created(nowMs: number): void {
    this.#awayMs = nowMs
  }

  lost(nowMs: number): void {
    this.#awayMs ??= nowMs
    this.#sinceMs ??= nowMs
  }

  connected(nowMs: number): void {
    this.#connectedMs = nowMs
  }

  disconnected(): void {
    this.#connectedMs = null
  }

  /** Something was acknowledged. */
  progressed(): void {
    this.#awayMs = null
    this.#sinceMs = null
    this.#isAlarmed = false
  }

  look(nowMs: number, isCreated: boolean): OutageLook {
    const isStable = this.#connectedMs !== null && nowMs - this.#connectedMs >= this.#limits.stableMs
    // it would have been found dead before if it owed anything
    if (isStable) {
      this.#connectedMs = null
      this.progressed()
    }
    const patienceMs = isCreated ? this.#limits.resumeDeadlineMs : this.#limits.openDeadlineMs
    const isOver = this.#awayMs !== null && nowMs - this.#awayMs >= patienceMs
    const lastedMs = this.#sinceMs === null ? 0 : nowMs - this.#sinceMs
    const isAlarm = lastedMs >= this.#limits.alarmMs && !this.#isAlarmed
    if (isAlarm) this.#isAlarmed = true
    return { isStable, isOver, alarmMs: isAlarm ? lastedMs : null }
  }
}
