import { readdirSync, readFileSync } from 'node:fs'

/** What this process uses of what it may use; a limit that is not known, or not there, is Infinity. */
export interface Usage {
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
  const limits = [
    ['open files', usage.openFiles, usage.maxFiles],
    ['threads', usage.threads, usage.maxThreads],
    ['bytes of memory', usage.memoryBytes, usage.maxMemoryBytes],
  ] as const
  const full = limits.find(([, used, most]) => used >= most * FULL_SHARE)
  return full ? `this process has ${full[1]} of ${full[2]} ${full[0]}: raise the limit, or start another process` : null
}

/**
 * What the system says now. Linux tells files, threads and the bounds of a control group; elsewhere nothing is known and nothing refused.
 * @param rssBytes memory of this process
 */
export function currentUsage(rssBytes: number): Usage {
  const limits = textOf('/proc/self/limits')
  return {
    openFiles: countOf('/proc/self/fd'),
    maxFiles: limitOf(limits, 'Max open files'),
    threads: countOf('/proc/self/task'),
    maxThreads: numberOf(textOf('/sys/fs/cgroup/pids.max')),
    memoryBytes: rssBytes,
    maxMemoryBytes: numberOf(textOf('/sys/fs/cgroup/memory.max')),
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function countOf(path: string): number {
  try {
    return readdirSync(path).length
  } catch {
    return 0
  }
}

/** The soft limit of a line of /proc/self/limits. */
function limitOf(limits: string, name: string): number {
  return numberOf(new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1] ?? '')
}

const numberOf = (text: string): number => (/^\d+\s*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY)
