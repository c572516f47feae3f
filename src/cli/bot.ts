import type { Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { createLogger } from '../observe/logger.js'
import { waitForSignal } from './exit.js'

/** `roomscribe bot`: runs the bots of meetings that `serve` takes. */
export function addBot(program: Command): void {
  program
    .command('bot')
    .description(
      'runs the bots of up to ROOMSCRIBE_MAX_MEETINGS meetings; any number of such processes on the same DATABASE_URL (and REDIS_URL)',
    )
    .action(async () => {
      const settings = settingsFor('shared', 'livekit')
      const logger = createLogger(settings.logLevel)
      const { startBot } = await import('../app/bot.js')
      const signals = waitForSignal()
      try {
        const rssBytes = () => process.memoryUsage.rss()
        const bot = await startBot(settings, { clock: systemClock, logger, random: Math.random, rssBytes })
        process.stderr.write(`roomscribe bot ready at ${bot.url}\n`)
        process.stderr.write(`  speech: ${bot.describes.speech}\n  database: ${bot.describes.database}\n  queue: ${bot.describes.queue}\n`)
        const why = await Promise.race([signals.first, bot.retire])
        process.stderr.write(`roomscribe bot stopping (${why}): meetings are offered to other processes\n`)
        await bot.close(signals.hurry)
        process.stderr.write('roomscribe bot stopped\n')
      } finally {
        signals.stop()
      }
    })
}
