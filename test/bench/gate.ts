/** What the figures of a bench that was right say, whatever its timings are. */
export interface Gate {
  /** figures that are 0 */
  readonly none: readonly string[]
  /** figures that are above 0: a run that heard nothing has nothing wrong either */
  readonly some?: readonly string[]
}

/** What a report breaks, a line each; figures that are not in it were not asked for. */
export function broken(report: object, { none, some = [] }: Gate): readonly string[] {
  const figures = new Map<string, unknown>(Object.entries(report))
  const given = (names: readonly string[]) => names.filter((name) => figures.has(name)).map((name) => [name, figures.get(name)] as const)
  return [
    ...given(none).flatMap(([name, value]) => (value === 0 ? [] : [`${name} is ${String(value)}, and has to be 0`])),
    ...given(some).flatMap(([name, value]) =>
      typeof value === 'number' && value > 0 ? [] : [`${name} is ${String(value)}: nothing was seen`],
    ),
  ]
}

/** Makes the process fail over what a report breaks, and says over what. */
export function gate(report: object, rules: Gate): void {
  for (const line of broken(report, rules)) {
    process.stderr.write(`  ${line}\n`)
    process.exitCode = 1
  }
}
