import { readSettings, type Settings } from '../../src/app/config/settings.js'
import { Secret } from '../../src/app/config/secret.js'
import { cacheDir } from '../../src/app/config/cache-dir.js'

/** Settings of a test: defaults, a free port, nothing of the real environment but the cache folder. */
export function testSettings(
  own: Partial<Settings> & { readonly dataDir: string },
  livekit: { readonly url: string; readonly apiKey: string; readonly apiSecret: string },
): Settings {
  const { settings } = readSettings({ HOME: own.dataDir }, () => '')
  return {
    ...settings,
    cacheDir: cacheDir(process.env),
    port: 0,
    logLevel: 'warn',
    livekitUrl: livekit.url,
    livekitApiKey: livekit.apiKey,
    livekitApiSecret: new Secret(livekit.apiSecret),
    ...own,
  }
}
