import { writeFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'

/** `roomscribe export`: a transcript as a file. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('the transcript of a meeting, as far as it is stored')
    .argument('<meeting>', 'id of the meeting')
    .addOption(new Option('--format <format>', 'of the transcript').choices(['json', 'txt', 'md', 'srt', 'vtt']).default('txt'))
    .option('--out <file>', 'file to write; else standard output')
    .option('--url <url>', 'address of the API; else the port that the data folder names')
    .action(async (meeting: string, options: { format: string; out?: string; url?: string }) => {
      const { callApi } = await import('../app/api-client.js')
      const path = `/v1/meetings/${encodeURIComponent(meeting)}/transcript?format=${options.format}`
      const response = await callApi({ settings: settingsFor('nothing'), url: options.url ?? null }, 'GET', path)
      const text = await response.text()
      if (options.out === undefined) process.stdout.write(text)
      else await writeFile(options.out, text)
      if (response.headers.get('roomscribe-complete') !== 'true')
        process.stderr.write('the transcript is not complete: the json format says why\n')
    })
}
