import { readdirSync, readFileSync } from 'node:fs'
import { codeOf } from '../core/errors.js'

/** What this process uses of what it may use; a limit that is not known, or not there, is Infinity. */
export interface Usage {
  /** Infinity: so many that none could be opened to count them */
  readonly openFiles: number
  readonly maxFiles: number
  readonly threads: number
  readonly maxThreads: number
  readonly memoryBytes: number
  readonly maxMemoryBytes: number
}

/** From this share on nothing new is begun: what runs grows on, and must find room. */
const FULL_SHARE = 0.7

/** Why this process begins nothing new; null: there is room. */
export function whyFull(usage: Usage): string | null {
  if (usage.openFiles === Number.POSITIVE_INFINITY) {
    return 'this process, or this host, has no open file left: raise the limit, or start another process'
  }
  const limits = [
    ['open files', usage.openFiles, usage.maxFiles],
    ['threads', usage.threads, usage.maxThreads],
    ['bytes of memory', usage.memoryBytes, usage.maxMemoryBytes],
  ] as const
  const full = limits.find(([, used, most]) => used >= most * FULL_SHARE)
  return full ? `this process has ${full[1]} of ${full[2]} ${full[0]}: raise the limit, or start another process` : null
}

/** Where the system tells what is used. */
export interface SystemFiles {
  readonly text: (path: string) => string
  readonly names: (path: string) => readonly string[]
}

const systemFiles: SystemFiles = { text: (path) => readFileSync(path, 'utf8'), names: (path) => readdirSync(path) }

/**
 * What the system says now. Linux tells files, threads and the bounds of a control group; elsewhere nothing is known and nothing refused.
 * A process that cannot open one more file to ask has all of them open.
 * @param rssBytes memory of this process, which is read from a file as well
 */
export function currentUsage(rssBytes: () => number, files: SystemFiles = systemFiles): Usage {
  let isOutOfFiles = false
  const read = <T>(from: (path: string) => T, path: string, none: T): T => {
    try {
      return from(path)
    } catch (thrown) {
      isOutOfFiles ||= OUT_OF_FILES.includes(codeOf(thrown) ?? '')
      return none
    }
  }
  const limits = read(files.text, '/proc/self/limits', '')
  const openFiles = read(files.names, '/proc/self/fd', []).length
  const usage = {
    maxFiles: limitOf(limits, 'Max open files'),
    threads: read(files.names, '/proc/self/task', []).length,
    maxThreads: numberOf(read(files.text, '/sys/fs/cgroup/pids.max', '')),
    memoryBytes: read(rssBytes, '', 0),
    maxMemoryBytes: numberOf(read(files.text, '/sys/fs/cgroup/memory.max', '')),
  }
  return { openFiles: isOutOfFiles ? Number.POSITIVE_INFINITY : openFiles, ...usage }
}

/** No file left: of the process, of the host. */
const OUT_OF_FILES = ['EMFILE', 'ENFILE']

/** Memory of this process; null: the system does not say, as when no file is left to read it from. */
export function memoryBytes(rssBytes: () => number): number | null {
  try {
    return rssBytes()
  } catch {
    return null
  }
}

/** The soft limit of a line of /proc/self/limits. */
function limitOf(limits: string, name: string): number {
  return numberOf(new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1] ?? '')
}

const numberOf = (text: string): number => (/^\d+\s*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY)
