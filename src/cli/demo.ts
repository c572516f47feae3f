import { writeFile } from 'node:fs/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { settingsFor, wantsColour } from '../app/config/process-env.js'
import type { DemoResult, RunningDemo } from '../app/demo/demo.js'
import { shortcomings } from '../app/demo/report.js'
import { systemClock } from '../core/time.js'
import { createLogger, redactText } from '../observe/logger.js'
import { waitForSignal } from './exit.js'
import { LiveView } from './terminal/live-view.js'
import { createPaint, printable, type Paint } from './terminal/paint.js'
import { receiptLines } from './terminal/receipt.js'
import { summaryLines } from './terminal/result.js'

const wholeNumber = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(`a whole number from ${min} to ${max}`)
  return value
}

interface DemoCommandOptions {
  readonly people: number
  readonly seconds: number
  readonly json?: string
  readonly keep?: boolean
  readonly setupMs: number
}

/** `roomscribe demo`: the whole thing with people who speak. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('the whole thing with people who speak: exit 0 only when what was said arrived under the right names')
    .option('--people <n>', 'people who speak', wholeNumber(4, 8), 5)
    .option('--seconds <s>', 'length of the meeting', wholeNumber(60, 900), 75)
    .option('--json <file>', 'write the report as JSON')
    .option('--keep', 'stay up afterwards, with a bot in a room that you can join yourself')
    .option('--setup-ms <ms>', 'how long set-up took before this command', wholeNumber(0, 86_400_000), 0)
    .action(run)
}

async function run(options: DemoCommandOptions): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const settings = settingsFor('nothing')
  const logger = createLogger(settings.logLevel === 'info' ? 'warn' : settings.logLevel)
  const paint = createPaint(wantsColour(process.stdout))
  const view = new LiveView(process.stdout, paint, () => systemClock.monotonicMs())
  const { runDemo } = await import('../app/demo/demo.js')
  const signals = waitForSignal()
  const interrupted = new AbortController()
  void signals.first.then(() => interrupted.abort(new Error('interrupted')))
  let demo: RunningDemo | null = null
  try {
    process.stdout.write(`${paint.bold('roomscribe demo')}: people speak in a LiveKit room, a bot listens\n`)
    demo = await runDemo(
      settings,
      { people: options.people, seconds: options.seconds, startedMs, setupSec: options.setupMs / 1000 },
      {
        step: (text) => process.stdout.write(paint.dim(`  ${text} ...\n`)),
        banner: (lines) => {
          for (const [what, text] of lines) process.stdout.write(`  ${what.padEnd(10)} ${printable(text)}\n`)
          process.stdout.write('\n')
        },
        happened: (text) => view.note(`* ${text}`),
        interim: (line) => view.interim(line),
        final: (line) => view.final(line),
        state: (state, reason) => view.note(reason === null ? `[${state}]` : `[${state}: ${reason}]`),
        error: (error) => view.note(redactText(error.message)),
      },
      { clock: systemClock, logger, random: Math.random },
      interrupted.signal,
    )
    view.end()
    show(demo.result, paint)
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(demo.result.report, null, 2)}\n`)
    process.exitCode = shortcomings(demo.result.report).length === 0 ? 0 : 1
    if (options.keep) await keepUp(demo, paint, interrupted.signal)
  } catch (thrown) {
    if (!interrupted.signal.aborted) throw thrown
    process.stderr.write('interrupted\n')
    process.exitCode = 130
  } finally {
    await demo?.close()
    signals.stop()
  }
}

function show(result: DemoResult, paint: Paint): void {
  const { report } = result
  const title = (text: string) => process.stdout.write(`\n${paint.bold(text)}\n`)
  title('Transcript')
  process.stdout.write(`${result.text.trimEnd()}\n`)
  title('Coverage')
  const errors = { title: 'word errors', cell: (identity: string | null) => wordErrors(report, identity) }
  for (const line of receiptLines(result.receipt, paint, [errors])) process.stdout.write(`${line}\n`)
  title('Summary')
  for (const line of summaryLines(result.summary, result.transcript)) process.stdout.write(`${line}\n`)
  title(`Slack (${report.slackPosts} posts)`)
  for (const post of result.posts) process.stdout.write(`${post}\n`)
  title('Report')
  const ms = (value: number | null) => (value === null ? '-' : `${(value / 1000).toFixed(2)} s`)
  const rows: [string, string][] = [
    ['said / returned', `${report.scriptedUtterances} sentences / ${report.segments} segments`],
    ['wrong name', `${report.wrongName}, without a name ${report.unknownName}`],
    ['word errors', `${(report.wordErrorRate * 100).toFixed(1)} %`],
    ['speech lost', `${report.lostMs} ms, transcript ${report.transcriptComplete ? 'complete' : 'NOT complete'}`],
    ['end of speech to final text', `p50 ${ms(report.finalLagMs.p50)}, p95 ${ms(report.finalLagMs.p95)}`],
    ['to the first attributed word', `${report.firstWordSec.toFixed(1)} s, of which set-up ${report.setupSec.toFixed(1)} s`],
  ]
  for (const [what, text] of rows) process.stdout.write(`  ${what.padEnd(30)} ${text}\n`)
  const wrong = shortcomings(report)
  process.stdout.write(wrong.length === 0 ? paint.green('\n  all of it arrived under the right names\n') : '')
  for (const text of wrong) process.stdout.write(paint.red(`\n  not good: ${text}\n`))
}

function wordErrors(report: DemoResult['report'], identity: string | null): string {
  const found = report.persons.find((person) => person.identity === identity)
  if (identity !== null && (found === undefined || found.saidWords === 0)) return '-'
  return `${((found?.wordErrorRate ?? report.wordErrorRate) * 100).toFixed(1)} %`
}

/** A bot waits in a second room until Ctrl-C. */
async function keepUp(demo: RunningDemo, paint: Paint, signal: AbortSignal): Promise<void> {
  const room = 'yours'
  const { link, url, token } = await demo.invite(room)
  process.stdout.write(
    `\n${paint.bold('Your turn')}: a bot waits in the room "${room}". Open this link in a browser, allow the microphone and read your own words:\n` +
      `  ${paint.bold(link)}\n\n` +
      `  or with any LiveKit client: server ${url}, token ${token}\n` +
      `  all meetings: ${demo.api.url} with the key ${demo.api.apiKey} (API: Authorization: Bearer)\n  Ctrl-C ends everything\n\n`,
  )
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
