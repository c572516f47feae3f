import { InvalidArgumentError, type Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'

/** A port of an option. */
function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new InvalidArgumentError('a port is a whole number from 0 to 65535')
  return value
}

function workers(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 16) throw new InvalidArgumentError('a whole number from 1 to 16')
  return value
}

function engine(text: string): 'moonshine' | 'marks' {
  if (text !== 'moonshine' && text !== 'marks') throw new InvalidArgumentError('moonshine or marks')
  return text
}

/** `roomscribe speech-server`: the local server that speaks Gladia's live protocol. */
export function addSpeechServer(program: Command): void {
  program
    .command('speech-server')
    .description(
      "a local speech server that speaks Gladia's live protocol; clients send ROOMSCRIBE_API_KEY as their key, any key when it is not set",
    )
    .option('--port <port>', 'port on 127.0.0.1, 0 for a free one', port, 8081)
    .option('--engine <engine>', 'moonshine (real recognition) or marks (coded tones)', engine, 'moonshine' as const)
    .option('--behaviour <file>', 'JSON file of behaviour switches')
    .option('--workers <n>', 'threads that recognise', workers, 1)
    .option('--with-parent', 'end when the process that started this one is gone')
    .action(async (options: { port: number; engine: 'moonshine' | 'marks'; behaviour?: string; workers: number; withParent?: boolean }) => {
      const settings = settingsFor('nothing')
      const logger = createLogger(settings.logLevel === 'info' ? 'warn' : settings.logLevel)
      const { runSpeechServer } = await import('../app/speech-server.js')
      const signals = waitForSignal()
      try {
        const server = await runSpeechServer(
          settings,
          { port: options.port, engine: options.engine, behavioursFile: options.behaviour ?? null, workers: options.workers },
          { clock: systemClock, logger },
        )
        process.stderr.write(`roomscribe speech-server (${options.engine}) ready at ${server.url}\n`)
        const orphaned = new Promise<void>((resolve) => {
          if (options.withParent) process.once('disconnect', () => resolve())
        })
        await Promise.race([signals.first, orphaned])
        await server.close()
        if (options.withParent && process.connected) process.disconnect()
      } finally {
        signals.stop()
      }
    })
}
