import { InvalidArgumentError, type Command } from 'commander'
import { processSettings } from '../app/config/process-env.js'
import { MAX_SPEED } from '../app/recording-speed.js'
import { LANGUAGE_CODE, LANGUAGE_RULE } from '../core/language.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'
import { foregroundLogLevel, openForeground, showResult } from './foreground.js'
import { clockText } from './terminal/paint.js'
import { Progress } from './terminal/progress.js'

const INTERRUPTED_EXIT = 130

function speed(text: string): number {
  const value = Number(text)
  if (!(value >= 1 && value <= MAX_SPEED)) throw new InvalidArgumentError(`a number from 1 to ${MAX_SPEED}`)
  return value
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim())
const words = (text: string): string[] => list(text).filter((word) => word !== '')

function language(text: string): string {
  if (!LANGUAGE_CODE.test(text)) throw new InvalidArgumentError(`${LANGUAGE_RULE}, for example en`)
  return text
}

interface TranscribeCommandOptions {
  readonly names?: string[]
  readonly language?: string
  readonly vocabulary?: string[]
  readonly speed?: number
  readonly out?: string
  readonly json?: boolean
}

const HELP = `
One person a channel or a file: a file with one channel is a person named after the file, one with several is "<file> 1", "<file> 2", ...
All files begin together. WAV is read as it is, anything else with ffmpeg, when that is installed.
Nothing is kept but what is printed and written. Exit code 0 when the transcript is complete, 3 when something was lost or it was
interrupted, 2 when a file or a setting is wrong: then nothing was sent.`

/** `roomscribe transcribe FILE...`: recorded audio to the same formats. */
export function addTranscribe(program: Command): void {
  program
    .command('transcribe')
    .description('recorded audio, one person a channel or a file, to the same formats as a meeting')
    .argument('<file...>', 'recordings: WAV; MP3, Ogg, FLAC, M4A, WebM and others with ffmpeg')
    .option('--names <names>', 'of the people, separated by commas, in the order of files and channels', list)
    .option('--language <code>', 'that is spoken; else ROOMSCRIBE_LANGUAGE', language)
    .option('--vocabulary <words>', 'names and words worth knowing, separated by commas, besides ROOMSCRIBE_VOCABULARY', words)
    .option(
      '--speed <n>',
      `multiple of real time, 1 to ${MAX_SPEED}; ${MAX_SPEED} with the local recogniser and else 1, since Gladia does not say how fast it may be sent to`,
      speed,
    )
    .option('--out <dir>', 'folder for transcript.txt, .md, .srt, .vtt and .json')
    .option('--json', 'print the transcript as one JSON document on standard output and nothing else there')
    .addHelpText('after', HELP)
    .action(run)
}

async function run(paths: string[], options: TranscribeCommandOptions): Promise<void> {
  const all = processSettings()
  const logger = createLogger(foregroundLogLevel(all.settings.logLevel))
  const isJson = options.json === true
  const foreground = openForeground(isJson, () => systemClock.monotonicMs())
  const { view, watcher } = foreground
  const { transcribe } = await import('../app/transcribe.js')
  const signals = waitForSignal()
  const stop = new AbortController()
  void signals.first.then(() => stop.abort(new Error('interrupted')))
  let progress: Progress | null = null
  view.status('starting', false)
  try {
    const result = await transcribe(
      all,
      {
        paths,
        names: options.names ?? null,
        language: options.language ?? null,
        vocabulary: options.vocabulary ?? [],
        speed: options.speed ?? null,
        out: options.out ?? null,
        watcher: {
          ...watcher,
          state: (state, reason) => {
            if (state === 'draining') view.status('waiting for the last texts', true)
            if (state === 'failed') view.note(`[failed: ${reason ?? 'no reason'}]`)
          },
        },
        note: (text) => view.note(text),
        onReady: ({ people, lengthMs, speed: atSpeed, speech }) => {
          progress = new Progress(view, lengthMs, () => systemClock.monotonicMs())
          const who = people === 1 ? '1 person' : `${people} people`
          view.note(`${who}, ${clockText(lengthMs)}, at ${atSpeed} x real time; speech: ${speech}; Ctrl-C ends it`)
        },
        progress: (playedMs, isHeld) => progress?.played(playedMs, isHeld),
      },
      { clock: systemClock, logger, random: Math.random },
      stop.signal,
    )
    showResult(foreground, result, isJson)
    const { playedMs, lengthMs, transcript } = result
    if (stop.signal.aborted && playedMs < lengthMs)
      process.stderr.write(`interrupted at ${clockText(playedMs)} of ${clockText(lengthMs)}: the rest was not transcribed\n`)
    else if (!transcript.complete && result.speed > 1) process.stderr.write('something was lost: --speed 1 may help\n')
  } catch (thrown) {
    view.end()
    if (!stop.signal.aborted || thrown !== stop.signal.reason) throw thrown
    process.stderr.write('interrupted: nothing was sent\n')
    process.exitCode = INTERRUPTED_EXIT
  } finally {
    signals.stop()
  }
}
