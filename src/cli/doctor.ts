import type { Command } from 'commander'
import { processSettings, wantsColour } from '../app/config/process-env.js'
import { systemClock } from '../core/time.js'
import { silentLogger } from '../observe/logger.js'
import { createPaint } from './terminal/paint.js'

/** `roomscribe doctor`: names every missing or wrong thing and how to put it right. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('names every missing or wrong thing and how to put it right')
    .option('--json', 'print the findings as one JSON document')
    .action(async (options: { json?: boolean }) => {
      const { settings, problems } = processSettings()
      const { examine } = await import('../app/doctor.js')
      const findings = await examine(settings, problems, { clock: systemClock, logger: silentLogger })
      const wrong = findings.filter((finding) => !finding.ok).length
      if (options.json) process.stdout.write(`${JSON.stringify({ ok: wrong === 0, findings }, null, 2)}\n`)
      else {
        const paint = createPaint(wantsColour(process.stdout))
        for (const { what, ok, detail } of findings) {
          process.stdout.write(`${ok ? paint.green('ok   ') : paint.red('wrong')} ${what.padEnd(12)} ${detail}\n`)
        }
        process.stdout.write(wrong === 0 ? '\nall is well\n' : `\n${wrong} thing${wrong === 1 ? '' : 's'} to put right\n`)
      }
      process.exitCode = wrong === 0 ? 0 : 1
    })
}
