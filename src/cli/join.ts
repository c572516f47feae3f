import type { Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'
import { foregroundLogLevel, openForeground, showResult } from './foreground.js'

/** `roomscribe join ROOM`: one meeting in the foreground. */
export function addJoin(program: Command): void {
  program
    .command('join')
    .description('one meeting in the foreground: live attributed text, files at the end; ends with Ctrl-C or when the meeting does')
    .argument('<room>', 'name of the LiveKit room')
    .option('--out <dir>', 'folder for transcript.txt, .md, .srt, .vtt and .json')
    .option('--json', 'print the transcript as one JSON document on standard output and nothing else there')
    .action(async (room: string, options: { out?: string; json?: boolean }) => {
      const settings = settingsFor('livekit')
      const logger = createLogger(foregroundLogLevel(settings.logLevel))
      const isJson = options.json === true
      const foreground = openForeground(isJson, () => systemClock.monotonicMs())
      const { view, watcher } = foreground
      const { joinRoom } = await import('../app/join.js')
      const signals = waitForSignal()
      const leave = new AbortController()
      void signals.first.then(() => leave.abort(new Error('interrupted')))
      try {
        const result = await joinRoom(
          settings,
          {
            room,
            out: options.out ?? null,
            watcher: {
              ...watcher,
              state: (state, reason) => view.note(reason === null ? `[${state}]` : `[${state}: ${reason}]`),
            },
            onFollow: (id) =>
              view.note(`a bot runs meeting ${id} already: what it hears is shown here; Ctrl-C ends this view, not the meeting`),
            onReady: (speech) => view.note(`room ${room}, speech: ${speech}; Ctrl-C ends it`),
          },
          { clock: systemClock, logger, random: Math.random },
          leave.signal,
        )
        showResult(foreground, result, isJson)
      } finally {
        signals.stop()
      }
    })
}
