import type { Command } from 'commander'
import { settingsTable } from '../app/config/table.js'

/** `roomscribe settings`: every setting, its type and its default. */
export function addSettings(program: Command): void {
  program
    .command('settings')
    .description('every setting (environment variables), its type and its default, as Markdown')
    .action(() => {
      process.stdout.write(`${settingsTable()}\n`)
    })
}
