import type { Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'

/** `roomscribe serve`: control plane and jobs, for bots in other processes. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('the HTTP API and the steps after meetings, for `roomscribe bot` processes on the same DATABASE_URL (and REDIS_URL)')
    .action(async () => {
      const settings = settingsFor('shared')
      const logger = createLogger(settings.logLevel)
      const { startServe } = await import('../app/serve.js')
      const signals = waitForSignal()
      try {
        const serve = await startServe(settings, { clock: systemClock, logger, random: Math.random })
        process.stderr.write(`roomscribe ready at ${serve.url}\n`)
        process.stderr.write(
          `  database: ${serve.describes.database}\n  queue: ${serve.describes.queue}\n  Slack: ${serve.describes.slack}\n`,
        )
        if (!settings.apiKey) process.stderr.write(`  API key: in ${settings.dataDir}/api-key\n`)
        await signals.first
        process.stderr.write('roomscribe stopping\n')
        await serve.close(signals.hurry)
        process.stderr.write('roomscribe stopped\n')
      } finally {
        signals.stop()
      }
    })
}
