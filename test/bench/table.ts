/** Rows of one shape as lines of text, a column a field; fields of fields are named `outer.inner`. */
export function table(rows: readonly object[]): string {
  const flat = rows.map((row) => flatten(row))
  const names = [...new Set(flat.flatMap((row) => [...row.keys()]))]
  const columns = names.map((name) => [name, ...flat.map((row) => row.get(name) ?? '')])
  const widths = columns.map((column) => Math.max(...column.map(({ length }) => length)))
  const lines = Array.from({ length: rows.length + 1 }, (_, line) =>
    columns.map((column, at) => (column[line] ?? '').padEnd(widths[at] ?? 0)).join('  '),
  )
  return lines.map((line) => `  ${line.trimEnd()}\n`).join('')
}

function flatten(row: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(row).flatMap(([name, value]: [string, unknown]): (readonly [string, string])[] => {
      if (typeof value === 'object' && value !== null) return [...flatten(value, `${prefix}${name}.`)]
      return [[`${prefix}${name}`, String(value)]]
    }),
  )
}
