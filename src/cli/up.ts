import type { Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'

/** `roomscribe up`: everything in one process. */
export function addUp(program: Command): void {
  program
    .command('up')
    .description('everything in one process on embedded defaults (or on DATABASE_URL, REDIS_URL when set); serves HTTP')
    .action(async () => {
      const settings = settingsFor('livekit')
      const logger = createLogger(settings.logLevel)
      const { startUp } = await import('../app/up.js')
      const signals = waitForSignal()
      try {
        const up = await startUp(settings, { clock: systemClock, logger, random: Math.random })
        process.stderr.write(`roomscribe ready at ${up.url}\n`)
        process.stderr.write(
          `  speech: ${up.describes.speech}\n  database: ${up.describes.database}\n  queue: ${up.describes.queue}\n  Slack: ${up.describes.slack}\n`,
        )
        if (!settings.apiKey) process.stderr.write(`  API key: in ${settings.dataDir}/api-key\n`)
        await signals.first
        process.stderr.write('roomscribe stopping: meetings are being finished\n')
        await up.close(signals.hurry)
        process.stderr.write('roomscribe stopped\n')
      } finally {
        signals.stop()
      }
    })
}
