import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'
import { run } from './run.mjs'

const STAMP = '.roomscribe-build'
/** The page within `src` and `dist`: vite builds it, and empties its folder itself. */
const WEB = 'web'
const BUNDLER = fileURLToPath(new URL('web.mjs', import.meta.url))

/**
 * Compiles `src` into `dist` when it has changed since, the server by tsc and the page by vite, and removes what has no source any more.
 * @param {import('./setup.mjs').Context} context
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence, with the compiler's last lines
 */
export async function build(context) {
  const { root } = context
  const stamp = join(root, 'dist', STAMP)
  if ((await readFile(stamp, 'utf8').catch(() => '')) === (await stateOf(root))) return 'up to date'
  return withLock(
    join(root, 'node_modules', '.roomscribe-lock'),
    async () => {
      const state = await stateOf(root)
      if ((await readFile(stamp, 'utf8').catch(() => '')) === state) return 'up to date'
      context.working('tsc, vite')
      await rm(stamp, { force: true })
      const options = { cwd: root, env: context.env }
      const hasPage = (await filesIn(join(root, 'src', WEB))).length > 0
      const [compiled, bundled] = await Promise.all([
        run(join(root, 'node_modules', '.bin', 'tsc'), [], options),
        hasPage ? run(process.execPath, [BUNDLER], options) : { code: 0, last: '' },
      ])
      if (compiled.code !== 0) throw new Error(`the sources do not compile; the last lines:\n${compiled.last}`)
      if (bundled.code !== 0) throw new Error(`the page cannot be built; the last lines:\n${bundled.last}`)
      await removeStale(root)
      await mkdir(join(root, 'dist'), { recursive: true })
      await writeFile(stamp, state)
      return 'built'
    },
    context.waiting,
  )
}

async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

/** A hash over names, sizes and times of the sources and what else decides the outcome. */
async function stateOf(root) {
  const hash = createHash('sha256').update(await readFile(BUNDLER))
  const sources = (await filesIn(join(root, 'src'))).sort().map((file) => join('src', file))
  for (const file of ['tsconfig.json', 'package-lock.json', ...sources]) {
    const { size, mtimeMs } = await stat(join(root, file))
    hash.update(`${file}\0${size}\0${mtimeMs}\n`)
  }
  return `${hash.digest('hex')}\n`
}

async function removeStale(root) {
  const sources = new Set((await filesIn(join(root, 'src'))).map((file) => file.split(sep).join('/')))
  for (const file of await filesIn(join(root, 'dist'))) {
    if (file.startsWith(`${WEB}${sep}`)) continue
    const source = /^(.*)\.js(?:\.map)?$/.exec(file.split(sep).join('/'))?.[1]
    if (source !== undefined && !sources.has(`${source}.ts`)) await rm(join(root, 'dist', file))
  }
}
