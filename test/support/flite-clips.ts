import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readWav } from './wav.js'

/** Speech of flite at 16 kHz, one clip for each [voice, text], rendered in a process that ends before this resolves. */
export async function fliteClips(list: readonly (readonly [voice: string, text: string])[]): Promise<Int16Array<ArrayBuffer>[]> {
  const folder = await mkdtemp(join(tmpdir(), 'flite-'))
  try {
    await promisify(execFile)(process.execPath, [fileURLToPath(new URL('flite-clips.mjs', import.meta.url)), folder, JSON.stringify(list)])
    return await Promise.all(list.map(async (_, at) => readWav(await readFile(join(folder, `${at}.wav`)))))
  } finally {
    await rm(folder, { recursive: true })
  }
}
