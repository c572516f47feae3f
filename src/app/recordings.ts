import { join } from 'node:path'
import { codeOf, ConfigError, InputError, toError } from '../core/errors.js'
import { asIdentity } from '../core/ids.js'
import { decodeWithFfmpeg } from '../live/room/recording/ffmpeg.js'
import type { RecordedSource } from '../live/room/recording/recorded-room.js'
import { openFile, type Recording } from '../live/room/recording/wav-file.js'
import { namePeople } from './recording-names.js'

/** How to open recordings. */
export interface RecordingRequest {
  readonly paths: readonly string[]
  /** of everybody, in the order of files and channels; null: after the files */
  readonly names: readonly string[] | null
  /** for what has to be decoded */
  readonly folder: string
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

interface Opened {
  readonly path: string
  readonly recording: Recording
}

/**
 * Opens every file and finds out who speaks on which channel.
 * @returns yours to close
 * @throws ConfigError every problem of every file at once
 */
export async function openRecordings(request: RecordingRequest): Promise<readonly RecordedSource[]> {
  const opened: Opened[] = []
  const problems: string[] = []
  try {
    for (const [at, path] of request.paths.entries()) {
      try {
        opened.push({ path, recording: await openOne(path, join(request.folder, `${at}.wav`), request) })
      } catch (thrown) {
        request.signal.throwIfAborted()
        problems.push(`${path} ${problemOf(thrown)}`)
      }
    }
    // who is who cannot be told before every file is known
    const named = opened.map(({ path, recording }) => ({ path, channels: recording.channels }))
    const people = problems.length > 0 ? { names: [], problems: [] } : namePeople(named, request.names)
    problems.push(...people.problems)
    if (problems.length > 0) throw new ConfigError(problems)
    return opened.map(({ recording }, file) => ({
      recording,
      people: (people.names[file] ?? []).map((name) => ({ identity: asIdentity(name), name })),
    }))
  } catch (thrown) {
    for (const { recording } of opened) await recording.close()
    throw thrown
  }
}

async function openOne(path: string, decoded: string, { signal, note }: RecordingRequest): Promise<Recording> {
  const file = await openFile(path)
  if (file.kind === 'wav') return file.recording
  const started = () => note(`decoding ${path} with ffmpeg`)
  const told = await decodeWithFfmpeg({ path, head: file.head, out: decoded, signal, started })
  if (told !== '') note(`ffmpeg on ${path}: ${told}`)
  const wav = await openFile(decoded)
  if (wav.kind !== 'wav') throw new InputError('could not be decoded by ffmpeg')
  return wav.recording
}

const DISK: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
  ENOTDIR: 'is not there',
}

/** The rest of a sentence that begins with the name of the file. */
function problemOf(thrown: unknown): string {
  if (thrown instanceof InputError) return thrown.message
  return DISK[codeOf(thrown) ?? ''] ?? `cannot be read: ${toError(thrown).message}`
}
