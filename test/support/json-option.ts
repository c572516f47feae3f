import { open } from 'node:fs/promises'

/** What `--json [FILE]` asks for. */
export interface JsonOption {
  /** where the report goes; null: nowhere, `-`: to standard output */
  readonly json: string | null
  /** the other arguments */
  readonly rest: readonly string[]
}

/**
 * Takes `--json`, `--json FILE` or `--json=FILE` out of a command line, which `parseArgs` cannot: an option that may have a value.
 * @param isNoFile words that stand for something else after `--json`: `--json=WORD` for a file of that name
 */
export function jsonOption(args: readonly string[], isNoFile: (word: string) => boolean = () => false): JsonOption {
  const rest: string[] = []
  let json: string | null = null
  for (let at = 0; at < args.length; at++) {
    const one = args[at] ?? ''
    if (one.startsWith('--json=')) json = one.slice('--json='.length) || '-'
    else if (one === '--json') {
      const next = args[at + 1]
      const isFile = next !== undefined && next !== '' && !next.startsWith('-') && !isNoFile(next)
      json = isFile ? next : '-'
      if (isFile) at++
    } else rest.push(one)
  }
  return { json, rest }
}

/** Whether a report can be written there, asked before the hours that it takes to make one. @returns one sentence, or null */
export async function whyNoReport(json: string | null): Promise<string | null> {
  if (json === null || json === '-') return null
  try {
    await (await open(json, 'a')).close()
    return null
  } catch (thrown) {
    return `${json} cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}
