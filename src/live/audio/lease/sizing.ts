/** How many channels sessions get: a number at most, as many as there are people; or as few as speech needs. */
export interface ChannelPlan {
  readonly max: number
  readonly mode: 'fixed' | 'auto'
}

/** The plan called `auto`: two channels, four while speech waits. */
export const AUTO_CHANNELS: ChannelPlan = { max: 4, mode: 'auto' }

/** What may be tuned of the growth. */
export interface SizingTunables {
  /** speech that waits for longer makes a session of mode `auto` grow */
  readonly growWaitMs: number
  /** after so long without need of them, a session of mode `auto` gives channels back */
  readonly calmMs: number
}

/** Smallest session that is opened when there may be larger ones. */
const SMALLEST = 2

/**
 * How large the next session should be. Pure policy: told of the need, says whether to roll.
 *
 * - **Z1** `fixed`: 2, 4, then the maximum, the smallest that seats everybody present; grows as people come, never shrinks;
 * - **Z2** `auto`: begins with 2, whoever is present; grows a step when speech has waited for `growWaitMs`;
 * - **Z3** `auto`: shrinks a step after `calmMs` in which the smaller session would have made nobody wait for `growWaitMs`.
 */
export class Sizing {
  /** channels that a session may have, ascending */
  readonly sizes: readonly number[]
  readonly #mode: ChannelPlan['mode']
  readonly #tunables: SizingTunables
  #busySinceMs = Number.POSITIVE_INFINITY
  #lastBusyMs = Number.NEGATIVE_INFINITY

  /** @throws {RangeError} the maximum is not 1 to 8 */
  constructor(plan: ChannelPlan, tunables: SizingTunables) {
    if (!Number.isInteger(plan.max) || plan.max < 1 || plan.max > 8) throw new RangeError(`${plan.max} channels: 1 to 8 are possible`)
    this.sizes = [...new Set([SMALLEST, 4, plan.max])].filter((size) => size <= plan.max).sort((a, b) => a - b)
    this.#mode = plan.mode
    this.#tunables = tunables
  }

  get max(): number {
    return this.sizes.at(-1) as number
  }

  /** How many people can have a channel each, without anybody waiting for speech that waits. */
  room(channels: number): number {
    return this.#mode === 'auto' ? Math.max(channels, this.first(0)) : this.max
  }

  /** Size of a session that is opened for so many people. */
  first(people: number): number {
    return this.#mode === 'auto' ? (this.sizes[0] as number) : this.#seating(people)
  }

  /**
   * Size to roll to because speech waits; null when it has to wait.
   * @param waitedMs how long the one who came first has waited
   */
  grown(channels: number, people: number, waitedMs: number): number | null {
    if (channels >= this.max) return null
    if (this.#mode === 'auto') return waitedMs >= this.#tunables.growWaitMs ? this.#above(channels) : null
    return people > channels ? Math.max(this.#seating(people), this.#above(channels)) : null
  }

  /**
   * Size to roll to because fewer channels do; null when not.
   * @param speaking people whose speech is being sent or waits
   */
  shrunk(channels: number, speaking: number, nowMs: number): number | null {
    const smaller = this.sizes.findLast((size) => size < channels)
    if (this.#mode === 'fixed' || smaller === undefined) return null
    if (speaking <= smaller) this.#busySinceMs = Number.POSITIVE_INFINITY
    else if (this.#busySinceMs === Number.POSITIVE_INFINITY) this.#busySinceMs = nowMs
    if (nowMs - this.#busySinceMs >= this.#tunables.growWaitMs) this.#lastBusyMs = nowMs
    return nowMs - this.#lastBusyMs >= this.#tunables.calmMs ? smaller : null
  }

  /** A session of another size took over: calm is counted from now. */
  rolled(nowMs: number): void {
    this.#lastBusyMs = nowMs
    this.#busySinceMs = Number.POSITIVE_INFINITY
  }

  #seating(people: number): number {
    return this.sizes.find((size) => size >= people) ?? this.max
  }

  #above(channels: number): number {
    return this.sizes.find((size) => size > channels) ?? this.max
  }
}
