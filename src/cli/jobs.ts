import type { Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'

/** `roomscribe jobs`: the steps of meetings that were given up and wait for a person. */
export function addJobs(program: Command): void {
  const jobs = program.command('jobs').description('steps of meetings that were given up (dead letters): list them, run one again')
  jobs
    .command('list')
    .description('those that wait, newest first, as the running process tells them')
    .option('--url <url>', 'address of the API; else the port that the data folder names')
    .option('--json', 'print them as one JSON document')
    .action(async (options: { url?: string; json?: boolean }) => {
      const { listDeadLetters } = await import('../app/dead-letters.js')
      const items = await listDeadLetters(settingsFor('nothing'), options.url ?? null)
      if (options.json) process.stdout.write(`${JSON.stringify({ items }, null, 2)}\n`)
      else if (items.length === 0) process.stdout.write('nothing waits\n')
      else
        for (const { id, failedAt, attempts, reason } of items)
          process.stdout.write(`${failedAt}  ${id}  ${attempts} attempts: ${reason}\n`)
    })
  jobs
    .command('retry')
    .description('runs one again, with all its attempts')
    .argument('<id>', 'as `jobs list` names it')
    .option('--url <url>', 'address of the API; else the port that the data folder names')
    .action(async (id: string, options: { url?: string }) => {
      const { retryDeadLetter } = await import('../app/dead-letters.js')
      await retryDeadLetter(settingsFor('nothing'), options.url ?? null, id)
      process.stdout.write(`${id} runs again\n`)
    })
}
