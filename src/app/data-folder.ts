import { access, constants, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, toError } from '../core/errors.js'

const cannotBe = (folder: string, what: string, remedy: string, thrown: unknown): ConfigError =>
  new ConfigError([`the data folder ${folder} cannot be ${what} (${toError(thrown).message}): ${remedy}`], { cause: thrown })

/** Makes the data folder where there is none. @throws ConfigError it cannot be made */
export async function makeDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (thrown) {
    throw cannotBe(folder, 'made', 'set ROOMSCRIBE_DATA_DIR to a folder that this process may make', thrown)
  }
}

/** Makes the data folder, and asks whether it may be written. @throws ConfigError */
export async function checkDataFolder(folder: string): Promise<void> {
  await makeDataFolder(folder)
  try {
    await access(folder, constants.W_OK)
  } catch (thrown) {
    throw notWritten(folder, thrown)
  }
}

/** Writes a small file into the data folder. @param mode of a new file. @throws ConfigError it cannot be written */
export async function writeInDataFolder(folder: string, name: string, text: string, mode = 0o666): Promise<void> {
  try {
    await writeFile(join(folder, name), text, { mode })
  } catch (thrown) {
    throw notWritten(folder, thrown)
  }
}

const notWritten = (folder: string, thrown: unknown): ConfigError =>
  cannotBe(folder, 'written', 'set ROOMSCRIBE_DATA_DIR to one that this process may write, or make room on that disk', thrown)
