import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { toError, UpstreamError } from '../../../core/errors.js'

/** The files of Moonshine tiny (English, 8-bit) with their sha256, from `@moonshine-ai/moonshine-js` 0.1.29 (MIT). */
const WEIGHTS = {
  'encoder_model.onnx': 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a',
  'decoder_model_merged.onnx': 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367',
} as const

export const ENCODER_FILE = 'encoder_model.onnx' satisfies keyof typeof WEIGHTS
export const DECODER_FILE = 'decoder_model_merged.onnx' satisfies keyof typeof WEIGHTS

/**
 * Reads the weights once and compares them with what this recogniser was made for: about 0.1 s.
 * @param dir holds both files
 * @throws {UpstreamError} code `weights_missing` or `weights_corrupt`, one sentence with what to do
 */
export async function checkWeights(dir: string): Promise<void> {
  for (const [file, expected] of Object.entries(WEIGHTS)) {
    const path = join(dir, file)
    const hash = createHash('sha256')
    try {
      await pipeline(createReadStream(path), hash)
    } catch (thrown) {
      const message = `the recogniser's weights cannot be read at ${path}: fetch them with \`npm run setup\``
      throw new UpstreamError('weights_missing', message, { service: 'speech', retryable: false }, { cause: toError(thrown) })
    }
    if (hash.digest('hex') !== expected) {
      const message = `the recogniser's weights at ${path} are damaged: delete the file and run \`npm run setup\``
      throw new UpstreamError('weights_corrupt', message, { service: 'speech', retryable: false })
    }
  }
}
