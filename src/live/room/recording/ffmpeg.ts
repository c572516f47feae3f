import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { resolve as resolvePath } from 'node:path'
import { codeOf, InputError } from '../../../core/errors.js'
import { SAMPLE_RATE } from '../port.js'

const NO_FFMPEG = 'other recordings than WAV files need ffmpeg, which is not installed'

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
/** Demuxers of files that hold their sound themselves: a playlist names others, and may never end. */
const DEMUXERS = 'aac,ac3,aiff,amr,ape,asf,au,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv'
/** of what it says, the first lines: what went wrong comes before what followed from it */
const KEPT_LINES = 3

/** What kind of file it is, by its first bytes; null: nothing that is known here. */
export function kindOf(head: Buffer): string | null {
  const text = head.toString('latin1')
  return KINDS.find(([, at, bytes]) => text.startsWith(bytes, at))?.[0] ?? null
}

/**
 * Decodes a file of the usual formats, by the system's ffmpeg, into a WAV file of 16 kHz s16: its first audio stream, all channels. It reads this
 * file alone, no playlist and nothing from the network.
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
  const guards = ['-protocol_whitelist', 'file', '-format_whitelist', DEMUXERS]
  const input = [...guards, '-i', `file:${resolvePath(path)}`, '-map', '0:a:0', '-vn', '-sn', '-dn']
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
      if (codeOf(thrown) === 'ENOENT')
        throw new InputError(`${kind === null ? 'is no WAV file' : `is ${kind}`}: ${NO_FFMPEG}`, [], { cause: thrown })
      throw thrown
    })
    .finally(() => signal.removeEventListener('abort', onAbort))
  signal.throwIfAborted()
  const told = lines.join('; ')
  if (code !== 0) throw new InputError(`${kind === null ? 'is no sound that ffmpeg knows' : `is ${kind} that ffmpeg cannot read`}: ${told}`)
  return told
}
