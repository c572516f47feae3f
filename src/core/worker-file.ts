/**
 * The URL of a worker-thread file beside the caller. Node 20 cannot run TypeScript in a worker, so when the
 * caller itself runs from `src` (tests), the compiled twin under `dist` is used: tests build first.
 * @param base the caller's `import.meta.url`
 * @param name file name relative to the caller, with `.js`
 */
export function workerFile(base: string, name: string): URL {
  const url = new URL(name, base)
  if (base.endsWith('.ts')) {
    const cut = url.pathname.lastIndexOf('/src/')
    url.pathname = `${url.pathname.slice(0, cut)}/dist/${url.pathname.slice(cut + 5)}`
  }
  return url
}
