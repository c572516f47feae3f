import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { resolve as resolvePath } from 'node:path'
import { codeOf, InputError } from '../../../core/errors.js'
import { SAMPLE_RATE } from '../port.js'

/** Formats by what their files begin with. */
const KINDS: readonly (readonly [kind: string, at: number, bytes: string])[] = [
  ['an MP3 file', 0, 'ID3'],
  ['an MP3 file', 0, '\xff\xfb'],
  ['an MP3 file', 0, '\xff\xf3'],
  ['an AAC file', 0, '\xff\xf1'],
  ['an Ogg file (Opus, Vorbis)', 0, 'OggS'],
  ['a FLAC file', 0, 'fLaC'],
  ['an MP4 file (M4A)', 4, 'ftyp'],
  ['a Matroska file (WebM)', 0, '\x1a\x45\xdf\xa3'],
  ['an AIFF file', 0, 'FORM'],
  ['a WAV file with compressed sound', 8, 'WAVE'],
]
/** of what it says, the first lines: what went wrong comes before what followed from it */
const KEPT_LINES = 3

/** What kind of file it is, by its first bytes; null: nothing that is known here. */
export function kindOf(head: Buffer): string | null {
  const text = head.toString('latin1')
  return KINDS.find(([, at, bytes]) => text.startsWith(bytes, at))?.[0] ?? null
}

/**
 * Decodes a file of any format that the system's ffmpeg knows into a WAV file of 16 kHz s16: its first audio stream, all channels. It reads this
 * file alone, whatever that refers to.
 * @param file.head its first bytes
 * @param file.out the file to write
 * @param file.started it has begun
 * @returns what ffmpeg complained of and went on; empty: nothing
 * @throws {InputError} there is no ffmpeg, or it cannot decode the file: the rest of a sentence that begins with the name of the file;
 *   signal.reason when aborted, the child has ended then
 */
export async function decodeWithFfmpeg(file: {
  readonly path: string
  readonly head: Buffer
  readonly out: string
  readonly signal: AbortSignal
  readonly started: () => void
}): Promise<string> {
  const { path, head, out, signal, started } = file
  signal.throwIfAborted()
  const kind = kindOf(head)
  const input = ['-protocol_whitelist', 'file', '-i', `file:${resolvePath(path)}`, '-map', '0:a:0', '-vn', '-sn', '-dn']
  const output = ['-ar', String(SAMPLE_RATE), '-c:a', 'pcm_s16le', '-rf64', 'auto', '-f', 'wav', '-y', `file:${resolvePath(out)}`]
  const child = spawn('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'error', ...input, ...output], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.once('spawn', started)
  const onAbort = () => child.kill('SIGKILL')
  signal.addEventListener('abort', onAbort, { once: true })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (lines.length < KEPT_LINES) lines.push(line.trim())
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const code = await ended
    .catch((thrown: unknown) => {
      const what = kind === null ? 'is no WAV file' : `is ${kind}`
      if (codeOf(thrown) === 'ENOENT')
        throw new InputError(`${what}: install ffmpeg, which reads it, or make a WAV file of it`, [], { cause: thrown })
      throw thrown
    })
    .finally(() => signal.removeEventListener('abort', onAbort))
  signal.throwIfAborted()
  const told = lines.join('; ')
  if (code !== 0) throw new InputError(`${kind === null ? 'is no sound that ffmpeg knows' : `is ${kind} that ffmpeg cannot read`}: ${told}`)
  return told
}
