import { wantsColour } from '../app/config/process-env.js'
import type { ForegroundResult } from '../app/foreground.js'
import type { MeetingWatcher } from '../app/observe.js'
import { redactText, type LogLevel } from '../observe/logger.js'
import { LiveView, type Screen } from './terminal/live-view.js'
import { createPaint, type Paint } from './terminal/paint.js'
import { receiptLines } from './terminal/receipt.js'

/** Where a meeting in the foreground is shown. */
export interface Foreground {
  readonly view: LiveView
  readonly screen: Screen
  readonly paint: Paint
  /** shows what is said, and what goes wrong */
  readonly watcher: MeetingWatcher
}

/** What happens to whoever is looking: log lines that say that all is well would stand in the text. */
export const foregroundLogLevel = (level: LogLevel): LogLevel => (level === 'info' ? 'warn' : level)

/** @param isJson standard output is for the document at the end alone */
export function openForeground(isJson: boolean, monotonicMs: () => number): Foreground {
  const screen = isJson ? process.stderr : process.stdout
  const paint = createPaint(wantsColour(screen))
  const view = new LiveView(screen, paint, monotonicMs)
  const watcher: MeetingWatcher = {
    interim: (line) => view.interim(line),
    final: (line) => view.final(line),
    error: (error) => view.note(redactText(error.message)),
  }
  return { screen, paint, view, watcher }
}

/** Prints the transcript, its receipt and what was written; exit code 1 when it failed, 3 when it is not complete. */
export function showResult({ view, screen, paint }: Foreground, result: ForegroundResult, isJson: boolean): void {
  view.end()
  if (isJson) process.stdout.write(result.json)
  else process.stdout.write(`\n${result.text}\n`)
  screen.write(`${receiptLines(result.receipt, paint).join('\n')}\n\n`)
  for (const file of result.files) process.stderr.write(`written: ${file}\n`)
  process.exitCode = result.failed ? 1 : result.transcript.complete ? 0 : 3
}
