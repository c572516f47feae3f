#!/usr/bin/env -S node --max-semi-space-size=4 --heap-growing-percent=25
import { Command, CommanderError } from 'commander'
import { addBot } from './bot.js'
import { addDemo } from './demo.js'
import { addDoctor } from './doctor.js'
import { addExport } from './export.js'
import { reportFailure } from './exit.js'
import { addJobs } from './jobs.js'
import { addJoin } from './join.js'
import { addKeys } from './keys.js'
import { addServe } from './serve.js'
import { addSettings } from './settings.js'
import { addSpeechServer } from './speech-server.js'
import { addTranscribe } from './transcribe.js'
import { addUp } from './up.js'

const USAGE_EXIT = 2

/** The whole command line: each command is a file beside this one. */
function createProgram(): Command {
  const program = new Command('roomscribe')
    .description('a self-hosted meeting scribe for LiveKit')
    .showHelpAfterError('(roomscribe <command> --help tells more)')
    .configureOutput({ writeErr: (text) => process.stderr.write(text) })
    .exitOverride()
  for (const add of [
    addUp,
    addServe,
    addBot,
    addDemo,
    addSpeechServer,
    addJoin,
    addTranscribe,
    addExport,
    addJobs,
    addKeys,
    addDoctor,
    addSettings,
  ])
    add(program)
  // commands inherit neither: every one of them has to throw instead of exiting
  for (const command of commandsOf(program)) command.exitOverride().showHelpAfterError('(--help tells more)')
  return program
}

const commandsOf = (parent: Command): Command[] => parent.commands.flatMap((command) => [command, ...commandsOf(command)])

try {
  await createProgram().parseAsync()
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : USAGE_EXIT
  else process.exitCode = reportFailure(thrown)
}
