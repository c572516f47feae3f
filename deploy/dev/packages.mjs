import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { run } from './run.mjs'

const STAMP = '.roomscribe-packages'

/**
 * npm packages, when they differ from the lockfile. `npm install`, not `npm ci`: that refuses lockfiles that npm itself
 * wrote (npm/cli issue 9846). The lockfile keeps every byte.
 * @param {import('./setup.mjs').Context} context
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence, with npm's last lines
 */
export async function packages(context) {
  const modules = join(context.root, 'node_modules')
  if (await isInstalled(context.root)) return 'as in the lockfile'
  return withLock(
    join(modules, '.roomscribe-lock'),
    async () => {
      if (await isInstalled(context.root)) return 'as in the lockfile'
      context.working('npm install')
      const lockfile = join(context.root, 'package-lock.json')
      const before = await readFile(lockfile)
      // a run that is killed leaves no stamp, so the next one installs again
      await rm(join(modules, STAMP), { force: true })
      const installed = await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: context.root, env: context.env })
      const isChanged = !before.equals(await readFile(lockfile))
      if (isChanged) await writeFile(lockfile, before)
      if (installed.code !== 0) throw new Error(`npm install failed with code ${installed.code}; its last lines:\n${installed.last}`)
      await mkdir(modules, { recursive: true })
      await writeFile(join(modules, STAMP), await stampOf(context.root))
      return isChanged ? 'installed (npm rewrote package-lock.json, which was put back)' : 'installed'
    },
    context.waiting,
  )
}

/** Everything that decides what is installed. */
async function stampOf(root) {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json']) hash.update(await readFile(join(root, file)))
  return `${hash.digest('hex')} ${process.version} ${process.platform} ${process.arch}\n`
}

async function isInstalled(root) {
  const modules = join(root, 'node_modules')
  const stamp = await readFile(join(modules, STAMP), 'utf8').catch(() => undefined)
  if (stamp === undefined || stamp !== (await stampOf(root))) return false
  // npm's own list: gone when somebody emptied the folder
  return access(join(modules, '.package-lock.json')).then(
    () => true,
    () => false,
  )
}
