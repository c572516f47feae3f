import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addKeys } from '../../../src/cli/keys.js'

test.each(['foo', 'meetings:read,foo', '', 'Admin', '__proto__'])('`keys create --scope %s` is a usage error', async (scope) => {
  const program = new Command('roomscribe')
  addKeys(program)
  const said: string[] = []
  for (const command of program.commands.flatMap((one) => [one, ...one.commands]))
    command.exitOverride().configureOutput({ writeErr: (text) => void said.push(text) })
  await expect(program.parseAsync(['node', 'roomscribe', 'keys', 'create', 'n', '--scope', scope])).rejects.toMatchObject({
    code: 'commander.invalidArgument',
  })
  expect(said.join('')).toMatch(/^error: .*one of meetings:read, meetings:write, admin\n$/)
})
