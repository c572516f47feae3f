import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

const POLL_MS = 200
const WAIT_MS = 20 * 60_000
/** The owner touches its lock this often; one that has not been touched for a minute is abandoned, whoever has its process id now. */
const TOUCH_MS = 5_000
const ABANDONED_MS = 60_000

/**
 * Runs `work` while this process alone holds the lock: a file with the owner's process id and host. That of a dead
 * process is taken over. While another one holds it, this waits, at most 20 minutes.
 * @template T
 * @param {string} path of the lock file; its folder is made
 * @param {() => Promise<T>} work
 * @param {(pid: number) => void} onWait told once when it has to wait
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait = () => undefined) {
  await mkdir(dirname(path), { recursive: true })
  const until = Date.now() + WAIT_MS
  let isTold = false
  while (!(await tryLock(path))) {
    const owner = await ownerOf(path)
    if (owner === undefined) continue
    if (isAbandoned(owner)) {
      await takeAway(path, owner)
      continue
    }
    if (!isTold) onWait(owner.pid)
    isTold = true
    if (Date.now() > until)
      throw new Error(`another set-up (process ${owner.pid}) has held ${path} for 20 minutes: end it, or delete that file`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const touching = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, TOUCH_MS)
  touching.unref()
  try {
    return await work()
  } finally {
    clearInterval(touching)
    await rm(path, { force: true })
  }
}

/** A file appears under its final name with its content in it, or not at all. */
async function tryLock(path) {
  const own = `${path}.${process.pid}-${randomUUID()}`
  await writeFile(own, `${process.pid} ${hostname()}`)
  try {
    await link(own, path)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

/** Undefined when there is no lock any more. */
async function ownerOf(path) {
  try {
    const text = await readFile(path, 'utf8')
    const [pid = '', host = ''] = text.split(' ')
    return { text, pid: Number(pid), host, touchedMs: (await stat(path)).mtimeMs }
  } catch {
    return undefined
  }
}

function isAbandoned({ pid, host, touchedMs }) {
  if (Date.now() - touchedMs > ABANDONED_MS) return true
  if (host !== hostname()) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error.code !== 'EPERM'
  }
}

/** Removes an abandoned lock, unless somebody else has done so and holds a new one by now. */
async function takeAway(path, { text }) {
  const aside = `${path}.${process.pid}-${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if ((await ownerOf(aside))?.text !== text) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

/**
 * Removes what killed runs left: call it while holding the lock of these names.
 * @param {string} folder
 * @param {string} prefix of their names
 */
export async function removeLeftovers(folder, prefix) {
  for (const name of await readdir(folder).catch(() => [])) {
    if (basename(name).startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true })
  }
}
