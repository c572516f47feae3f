import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The folder of data that are shared beside the repository (SHARED_DATA_DIR, or `shared/data` in a folder above), if it is on this machine.
 * @param has what must be in it
 */
export function sharedData(has: string): string | null {
  const own = process.env['SHARED_DATA_DIR']
  // the benches run compiled, a few folders further down than the sources
  const upward = Array.from({ length: 8 }, (_, up) => fileURLToPath(new URL(`${'../'.repeat(up + 1)}shared/data`, import.meta.url)))
  return (own === undefined ? upward : [own]).find((folder) => existsSync(join(folder, has))) ?? null
}
