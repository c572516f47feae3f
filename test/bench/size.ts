/** How large a bench is: all of them one after the other in ten minutes, one by itself, or what the README's numbers come from. */
export type Scale = 'brief' | 'usual' | 'full'

/** What was asked for. */
export interface Size {
  readonly scale: Scale
  /** `--people N`; null when it was not given */
  readonly people: number | null
  /** `--part NAME` and `--count N`, of the benches that have parts; null when not given */
  readonly part: string | null
  readonly count: number | null
}

/** One value a scale. */
export type Scaled<T> = Readonly<Record<Scale, T>>
