/**
 * `node deploy/image/prune.mjs NODE_MODULES`: removes what runs on other systems from the packages of an image. onnxruntime-node carries
 * its library for every system and processor: 200 MB of 290 that nothing here can load.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { realpathSync } from 'node:fs'

/**
 * @param {string} modules a node_modules folder
 * @param {{ platform: string, arch: string }} kept
 * @returns {Promise<readonly string[]>} what was removed, relative to `modules`
 */
export async function prune(modules, { platform, arch }) {
  const removed = []
  const bin = join('onnxruntime-node', 'bin')
  for (const abi of await foldersIn(join(modules, bin))) {
    for (const system of await foldersIn(join(modules, bin, abi))) {
      const processors = system === platform ? (await foldersIn(join(modules, bin, abi, system))).filter((one) => one !== arch) : ['']
      for (const processor of processors) removed.push(join(bin, abi, system, processor).replace(/\/$/, ''))
    }
  }
  for (const path of removed) await rm(join(modules, path), { recursive: true, force: true })
  return removed
}

async function foldersIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const path of await prune(process.argv[2] ?? 'node_modules', process)) process.stdout.write(`removed ${path}\n`)
}
