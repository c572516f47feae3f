import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { ConfigError } from '../../core/errors.js'

/** The version that set-up builds; the cache folder carries it. */
export const LIVEKIT_SERVER_VERSION = '1.13.5'

/** Where a LiveKit server can come from. */
export interface LivekitFacts {
  readonly url: string | undefined
  readonly apiKey: string | undefined
  readonly apiSecret: string | undefined
  /** an executable `livekit-server` on the PATH */
  readonly onPath: string | undefined
  /** the executable that set-up left in the cache */
  readonly cached: string | undefined
  /** `process.platform` */
  readonly platform: string
}

/** What was found. */
export type LivekitChoice =
  /** a server that runs already: ours to use, not to end */
  | { readonly kind: 'given'; readonly url: string; readonly apiKey: string; readonly apiSecret: string }
  /** a program that `startLivekitServer` can start */
  | { readonly kind: 'binary'; readonly binary: string; readonly from: 'path' | 'cache' }
  /** nothing: `message` is one sentence that says how to get one on this system */
  | { readonly kind: 'none'; readonly message: string }

/**
 * Decides, in this order: LIVEKIT_URL given, `livekit-server` on the PATH, the cache, none.
 * @throws ConfigError LIVEKIT_URL without key or secret, or not a URL of ws, wss, http or https
 */
export function chooseLivekit(facts: LivekitFacts): LivekitChoice {
  if (facts.url !== undefined && facts.url !== '') return given(facts.url, facts)
  if (facts.onPath !== undefined) return { kind: 'binary', binary: facts.onPath, from: 'path' }
  if (facts.cached !== undefined) return { kind: 'binary', binary: facts.cached, from: 'cache' }
  return { kind: 'none', message: howToGet(facts.platform) }
}

/** Where set-up keeps the server inside the cache folder. */
export function cachedLivekit(cacheDir: string): string {
  return join(cacheDir, `livekit-server-${LIVEKIT_SERVER_VERSION}`, 'livekit-server')
}

/**
 * Looks at the PATH and the cache, and chooses.
 * @param options.path the PATH variable; empty entries are ignored
 * @throws ConfigError as `chooseLivekit`
 */
export async function findLivekit(options: {
  readonly url?: string | undefined
  readonly apiKey?: string | undefined
  readonly apiSecret?: string | undefined
  readonly cacheDir: string
  readonly path: string
  readonly platform?: string
}): Promise<LivekitChoice> {
  const folders = options.path.split(delimiter).filter((folder) => folder !== '')
  return chooseLivekit({
    url: options.url,
    apiKey: options.apiKey,
    apiSecret: options.apiSecret,
    onPath: await firstExecutable(folders.map((folder) => join(folder, 'livekit-server'))),
    cached: await firstExecutable([cachedLivekit(options.cacheDir)]),
    platform: options.platform ?? process.platform,
  })
}

function given(url: string, facts: LivekitFacts): LivekitChoice {
  const problems: string[] = []
  if (!/^(wss?|https?):\/\/[^\s/]+/.test(url)) problems.push('LIVEKIT_URL is not a ws://, wss://, http:// or https:// address')
  if (!facts.apiKey) problems.push('LIVEKIT_URL is set, but LIVEKIT_API_KEY is not')
  if (!facts.apiSecret) problems.push('LIVEKIT_URL is set, but LIVEKIT_API_SECRET is not')
  if (!facts.apiKey || !facts.apiSecret || problems.length > 0) throw new ConfigError(problems)
  return { kind: 'given', url, apiKey: facts.apiKey, apiSecret: facts.apiSecret }
}

function howToGet(platform: string): string {
  const own =
    platform === 'darwin'
      ? 'brew install livekit'
      : 'put a livekit-server of github.com/livekit/livekit/releases on the PATH, or install Go 1.26 or newer and run npm run setup again'
  return `there is no LiveKit server: run "npm run setup -- --demo", or ${own}, or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET`
}

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}
