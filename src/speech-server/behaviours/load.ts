import { readFile } from 'node:fs/promises'
import { ConfigError, toError } from '../../core/errors.js'
import { type Behaviours, parseBehaviours } from './schema.js'

/**
 * Reads a behaviours file (JSON; the switches are listed in src/speech-server/README.md).
 * @throws {ConfigError} the file cannot be read, is not JSON, or has wrong switches: every problem, a line each
 */
export async function loadBehaviours(path: string): Promise<Behaviours> {
  let document: unknown
  try {
    document = JSON.parse(await readFile(path, 'utf8'))
  } catch (thrown) {
    const error = toError(thrown)
    const what = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read'
    throw new ConfigError([`behaviours file ${path} ${what}: ${error.message}`], { cause: error })
  }
  try {
    return parseBehaviours(document)
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    throw new ConfigError(
      thrown.problems.map((problem) => `behaviours file ${path}: ${problem}`),
      { cause: thrown },
    )
  }
}
