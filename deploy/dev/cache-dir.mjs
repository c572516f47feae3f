import { homedir } from 'node:os'
import { join } from 'node:path'

/** Folders inside the cache; `src/app/config/cache-dir.ts` has the same names. */
export const WEIGHTS_FOLDER = 'moonshine-tiny-en-0.1.29'
export const LIVEKIT_VERSION = '1.13.5'
export const LIVEKIT_FOLDER = `livekit-server-${LIVEKIT_VERSION}`

/**
 * The folder outside the checkout that keeps what is fetched once: ROOMSCRIBE_CACHE_DIR, or the user's cache folder.
 * @param {Record<string, string | undefined>} env
 * @param {string} platform
 * @returns {string}
 */
export function cacheDir(env, platform = process.platform) {
  if (env.ROOMSCRIBE_CACHE_DIR) return env.ROOMSCRIBE_CACHE_DIR
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'roomscribe')
  const home = env.HOME ?? homedir()
  return join(home, platform === 'darwin' ? 'Library/Caches' : '.cache', 'roomscribe')
}
