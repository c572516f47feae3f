import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { toError } from '../../../core/errors.js'
import { isOfMoment } from './disk.js'

/** One process, told apart from all others of its host, also from a later one of the same number. */
export const ownerSchema = z.object({ host: z.string(), boot: z.string(), pid: z.int().positive(), start: z.string() })
export type Owner = z.infer<typeof ownerSchema>

/** This process. */
export async function thisProcess(): Promise<Owner> {
  const stat = await statOf(process.pid).catch(() => null)
  return { host: hostname(), boot: await bootId().catch(() => ''), pid: process.pid, start: stat?.start ?? '' }
}

/** Ends a name that its owner gave away. */
const LEFT = '.left'
const CLAIM = /\.(\d+)\.(\w*)\.([\w-]*)\.([^/.][^/]*)$/

/** A name that says whose it is: to rename is one step, which needs no room and has one winner. */
export function claimedName(name: string, owner: Owner | null): string {
  return owner ? `${name}.${owner.pid}.${owner.start}.${owner.boot}.${encodeURIComponent(owner.host)}` : name + LEFT
}

/** What a name says: null: whoever comes first; undefined: nothing. */
export function claimOf(name: string): Owner | null | undefined {
  const [, pid, start, boot, host] = CLAIM.exec(name) ?? []
  if (pid === undefined || start === undefined || boot === undefined || host === undefined) return name.endsWith(LEFT) ? null : undefined
  try {
    return { pid: Number(pid), start, boot, host: decodeURIComponent(host) }
  } catch {
    // not a name of ours
    return undefined
  }
}

/** Whether it runs elsewhere, if it does: nothing can be known of it from here. */
export const isElsewhere = ({ host }: Owner): boolean => host !== hostname()

/**
 * Whether a process of this host still runs. One that is stopped (SIGSTOP) counts as dead; so does any of another host: whoever asks
 * holds the claim on what it had.
 * @throws for want of open files or memory it is not known
 */
export async function isAlive({ host, boot, pid, start }: Owner): Promise<boolean> {
  if (host !== hostname() || boot !== (await bootId())) return false
  const stat = await statOf(pid)
  if (stat) return stat.start === start && !'TtZX'.includes(stat.state)
  if (start !== '') return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Source: proc(5), /proc/pid/stat: fields 3 and 22; the command before them may hold anything, a closing bracket last */
async function statOf(pid: number): Promise<{ state: string; start: string } | null> {
  const text = await readIf(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, start] = [fields[0], fields[19]]
  return text !== '' && state !== undefined && start !== undefined ? { state, start } : null
}

const bootId = async (): Promise<string> => (await readIf('/proc/sys/kernel/random/boot_id')).trim()

/** Nothing where there is no such file. */
function readIf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    if (isOfMoment(thrown)) throw toError(thrown)
    return ''
  })
}
