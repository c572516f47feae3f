import { homedir } from 'node:os'
import { join } from 'node:path'

/** Folder of the recogniser's weights in the cache; `deploy/dev` uses the same name. */
export const WEIGHTS_FOLDER = 'moonshine-tiny-en-0.1.29'

type Environment = Readonly<Record<string, string | undefined>>

function userFolder(env: Environment, platform: NodeJS.Platform, xdg: string, linux: string, mac: string): string {
  const home = env['HOME'] ?? homedir()
  const fromXdg = env[xdg]
  if (fromXdg !== undefined && fromXdg !== '') return join(fromXdg, 'roomscribe')
  return join(home, platform === 'darwin' ? mac : linux, 'roomscribe')
}

/** `ROOMSCRIBE_CACHE_DIR`, or the user's cache folder. */
export function cacheDir(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const own = env['ROOMSCRIBE_CACHE_DIR']
  if (own !== undefined && own !== '') return own
  return userFolder(env, platform, 'XDG_CACHE_HOME', '.cache', 'Library/Caches')
}

/** `ROOMSCRIBE_DATA_DIR`, or the user's data folder. */
export function dataDir(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const own = env['ROOMSCRIBE_DATA_DIR']
  if (own !== undefined && own !== '') return own
  return userFolder(env, platform, 'XDG_DATA_HOME', '.local/share', 'Library/Application Support')
}
