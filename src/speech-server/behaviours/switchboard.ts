import { type Behaviours, DEFAULTS, type SwitchName, type SwitchValue } from './schema.js'

/**
 * The switches as they stand. One `use` is one occurrence (README.md says what of); a counted switch falls back to its
 * default after `times` uses. Changing the behaviours starts every count anew.
 */
export class Switchboard {
  #behaviours: Behaviours = {}
  readonly #used = new Map<SwitchName, number>()

  constructor(behaviours: Behaviours = {}) {
    this.set(behaviours)
  }

  /** The behaviours last set, without what has been used up. */
  get behaviours(): Behaviours {
    return this.#behaviours
  }

  /** Replaces all switches: what is not named goes back to its default. */
  set(behaviours: Behaviours): void {
    this.#behaviours = behaviours
    this.#used.clear()
  }

  /** The value now, without using it up. */
  peek<N extends SwitchName>(name: N): SwitchValue<N> {
    // parsed: either the value itself or {switch, times}; the union over all names is too much for the compiler
    const setting: unknown = this.#behaviours[name]
    if (setting === undefined) return DEFAULTS[name]
    if (typeof setting !== 'object' || setting === null || !('switch' in setting)) return setting as SwitchValue<N>
    const { switch: value, times } = setting as { switch: SwitchValue<N>; times: number }
    return (this.#used.get(name) ?? 0) < times ? value : DEFAULTS[name]
  }

  /** The value for one occurrence; counts it. */
  use<N extends SwitchName>(name: N): SwitchValue<N> {
    const value = this.peek(name)
    this.#used.set(name, (this.#used.get(name) ?? 0) + 1)
    return value
  }
}
