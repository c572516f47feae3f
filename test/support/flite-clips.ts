import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readWav } from './wav.js'

/** node:wasi crashes now and then; what it rendered then is not there. */
const MAX_CRASHES = 2

/** Speech of flite at 16 kHz, one clip for each [voice, text], rendered in a process that ends before this resolves. */
export async function fliteClips(list: readonly (readonly [voice: string, text: string])[]): Promise<Int16Array<ArrayBuffer>[]> {
  const folder = await mkdtemp(join(tmpdir(), 'flite-'))
  try {
    await render([fileURLToPath(new URL('flite-clips.mjs', import.meta.url)), folder, JSON.stringify(list)])
    return await Promise.all(list.map(async (_, at) => readWav(await readFile(join(folder, `${at}.wav`)))))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Runs it again when a signal ended it, and not when it says what is wrong. */
async function render(script: readonly string[]): Promise<void> {
  for (let crashes = 0; ;) {
    try {
      await promisify(execFile)(process.execPath, script)
      return
    } catch (thrown) {
      const signal = thrown instanceof Error && 'signal' in thrown ? thrown.signal : null
      if (typeof signal !== 'string' || ++crashes > MAX_CRASHES) throw thrown
      console.warn(`flite was ended by ${signal}: it renders again`)
    }
  }
}
