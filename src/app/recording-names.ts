import { basename, extname } from 'node:path'

/** A recording of which it is known how many channels it has. */
export interface NamedFile {
  readonly path: string
  readonly channels: number
}

/** The name of a file as that of a person. */
const stemOf = (path: string): string => basename(path, extname(path)).trim() || basename(path)

/**
 * Who speaks on which channel: named after the file, with a number where it has several channels; or as given, in the order of files and channels.
 * @returns [file][channel], and every problem, one sentence each
 */
export function namePeople(
  files: readonly NamedFile[],
  given: readonly string[] | null,
): { readonly names: readonly (readonly string[])[]; readonly problems: readonly string[] } {
  const count = files.reduce((sum, { channels }) => sum + channels, 0)
  if (given !== null && given.length !== count)
    return { names: [], problems: [`--names has ${given.length} ${given.length === 1 ? 'name' : 'names'}, ${counted(files)}`] }
  const rest = [...(given ?? [])]
  const names = files.map(({ path, channels }) =>
    Array.from({ length: channels }, (_, channel) => rest.shift() ?? (channels === 1 ? stemOf(path) : `${stemOf(path)} ${channel + 1}`)),
  )
  const all = names.flat()
  const doubled = [...new Set(all.filter((name, at) => name !== '' && all.indexOf(name) !== at))]
  const problems = doubled.map((name) => `two people are called "${name}": give everybody a name of their own with --names`)
  return { names, problems: all.includes('') ? ['--names has an empty name', ...problems] : problems }
}

function counted(files: readonly NamedFile[]): string {
  const each = files.map(({ path, channels }) => `${basename(path)} ${channels}`).join(', ')
  const count = files.reduce((sum, { channels }) => sum + channels, 0)
  return `and there ${count === 1 ? 'is 1 channel' : `are ${count} channels`} (${each})`
}

/** A headline for the recordings. */
export function recordingTitle(paths: readonly string[]): string {
  const stems = paths.map(stemOf)
  return stems.length <= 3 ? stems.join(', ') : `${stems.slice(0, 3).join(', ')} and ${stems.length - 3} more`
}
