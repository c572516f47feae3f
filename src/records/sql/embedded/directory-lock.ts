import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'

/**
 * One process a data directory: PGlite itself lets a second one in, and both corrupt it.
 *
 * The lock is a folder with one empty file a process, named `<role>.<pid>.<start>.<uuid>`. L1 a process writes its `trying` file
 * before it looks at the others, so of two at once at least one sees the other. L2 whoever sees another living process
 * steps back; from a `held` file for good, from a `trying` one for a random moment. L3 a file of a process that is dead, or
 * whose pid now belongs to a process with another start, is removed: names never come back, so this cannot hit a living one.
 */
export interface DirectoryLock {
  /** Gives the directory free; may be called twice. */
  release(): void
}

/** When a process began, as text that differs for another process of the same pid; undefined when there is no such process. */
export function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  if (process.platform !== 'linux') return startByPs(pid)
  try {
    // after the last ')' (the name may hold anything): state is field 3, start in ticks since boot field 22
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    if (fields[0] === 'Z' || fields[19] === undefined) return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
    return `${boot}-${fields[19]}`
  } catch {
    return undefined
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 })
    return text.replaceAll(/[^0-9A-Za-z]+/g, '-')
  } catch {
    return undefined
  }
}

const ATTEMPTS = 50

/**
 * Takes the lock of a directory.
 * @param folder where the lock's files live; made when absent
 * @throws {ConfigError} a living process has it
 */
export async function lockDirectory(folder: string, clock: Clock, startOf = processStart): Promise<DirectoryLock> {
  mkdirSync(folder, { recursive: true })
  const own = `${process.pid}.${startOf(process.pid) ?? 'unknown'}.${randomUUID()}`
  const release = () => {
    rmSync(join(folder, `held.${own}`), { force: true })
    rmSync(join(folder, `trying.${own}`), { force: true })
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    writeFileSync(join(folder, `trying.${own}`), '', { flag: 'wx' })
    const others = livingOthers(folder, own, startOf)
    if (others.length === 0) {
      writeFileSync(join(folder, `held.${own}`), '', { flag: 'wx' })
      return { release }
    }
    release()
    const holder = others.find(({ role }) => role === 'held')
    if (holder) throw locked(folder, holder.pid)
    await clock.sleep(5 + Math.random() * 45)
  }
  throw new ConfigError([`the data directory's lock ${folder} is contended: start one roomscribe process at a time`])
}

/** The pid of the living process that has a directory's lock; null: none has it. */
export function lockHolder(folder: string, startOf = processStart): number | null {
  if (!existsSync(folder)) return null
  return livingOthers(folder, '', startOf).find(({ role }) => role === 'held')?.pid ?? null
}

function livingOthers(folder: string, own: string, startOf: typeof processStart): { role: string; pid: number }[] {
  const living: { role: string; pid: number }[] = []
  for (const name of readdirSync(folder)) {
    const [role = '', pid, start] = name.split('.')
    if (name === `${role}.${own}` || !['held', 'trying'].includes(role)) continue
    if (startOf(Number(pid)) === start) living.push({ role, pid: Number(pid) })
    else rmSync(join(folder, name), { force: true })
  }
  return living
}

function locked(folder: string, pid: number): ConfigError {
  const who = pid === process.pid ? 'this process already' : `process ${pid}`
  return new ConfigError([
    `the embedded database is in use by ${who} (${folder}): stop that process, give this one another ROOMSCRIBE_DATA_DIR, or set DATABASE_URL to share a PostgreSQL`,
  ])
}
