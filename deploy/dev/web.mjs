/**
 * `node deploy/dev/web.mjs`: builds the page, `src/web`, into `dist/web`. The build calls it in a process of its own, which takes the
 * bundler's memory along when it ends.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

await build({
  configFile: false,
  envDir: false,
  logLevel: 'warn',
  root: join(ROOT, 'src', 'web'),
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(ROOT, 'dist', 'web'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    // LiveKit's client alone: loaded where somebody joins
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
  },
})
