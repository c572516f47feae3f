import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const POLL_MS = 200
const WAIT_MS = 20 * 60_000

/**
 * Runs `work` while this process alone holds the lock. The lock is a file with the owner's process id; that of a dead
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
  for (let waited = false; !(await tryLock(path)); waited = true) {
    const pid = await ownerOf(path)
    if (pid !== undefined && !isAlive(pid)) await takeAway(path, pid)
    else {
      if (!waited && pid !== undefined) onWait(pid)
      if (Date.now() > until)
        throw new Error(`another set-up (process ${pid}) has held ${path} for 20 minutes: end it, or delete that file`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

/** A file appears under its final name with its content in it, or not at all. */
async function tryLock(path) {
  const own = `${path}.${process.pid}-${randomUUID()}`
  await writeFile(own, String(process.pid))
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

async function ownerOf(path) {
  try {
    const pid = Number(await readFile(path, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : 0
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Removes the lock of a dead process, unless somebody else has done so and holds a new one by now. */
async function takeAway(path, pid) {
  const aside = `${path}.${process.pid}-${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if ((await ownerOf(aside)) !== pid) await link(aside, path).catch(() => undefined)
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
