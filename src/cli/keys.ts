import { InvalidArgumentError, type Command } from 'commander'
import { settingsFor } from '../app/config/process-env.js'
import { PERMISSIONS } from '../records/access.js'

const URL_OPTION = ['--url <url>', 'address of the API; else the port that the data folder names'] as const
const several = (text: string, before: readonly string[]): string[] => [...before, ...text.split(',').map((part) => part.trim())]

const SCOPES: ReadonlySet<string> = new Set(PERMISSIONS)

function scopes(text: string, before: readonly string[]): string[] {
  const given = several(text, before)
  const wrong = given.filter((scope) => !SCOPES.has(scope))
  if (wrong.length > 0) throw new InvalidArgumentError(`${wrong.map((scope) => `"${scope}"`).join(', ')}: one of ${PERMISSIONS.join(', ')}`)
  return given
}

/** `roomscribe keys`: who may use the API. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('keys of the API: make, list, revoke them')
  const address = (url: string | undefined) => ({ settings: settingsFor('nothing'), url: url ?? null })
  keys
    .command('create')
    .description('makes a key and prints it, this once')
    .argument('<name>', 'who or what it is for')
    .option('--scope <scopes>', 'meetings:read, meetings:write or admin; several with commas', scopes, [])
    .option('--room <patterns>', 'only rooms that match, * stands for any characters; several with commas', several, [])
    .option(...URL_OPTION)
    .option('--json', 'print it as one JSON document')
    .action(async (name: string, options: { scope: string[]; room: string[]; url?: string; json?: boolean }) => {
      const { createKey } = await import('../app/keys.js')
      const wanted = { name, scopes: options.scope.length === 0 ? ['meetings:read'] : options.scope }
      const made = await createKey(address(options.url), { ...wanted, ...(options.room.length === 0 ? {} : { rooms: options.room }) })
      if (options.json) process.stdout.write(`${JSON.stringify(made, null, 2)}\n`)
      else process.stdout.write(`${made.key}\n`)
    })
  keys
    .command('list')
    .description('keys, newest first, without the keys themselves')
    .option(...URL_OPTION)
    .option('--json', 'print them as one JSON document')
    .action(async (options: { url?: string; json?: boolean }) => {
      const { listKeys } = await import('../app/keys.js')
      const items = await listKeys(address(options.url))
      if (options.json) process.stdout.write(`${JSON.stringify({ items }, null, 2)}\n`)
      else if (items.length === 0) process.stdout.write('no keys but the one of the settings\n')
      else
        for (const { id, name, scopes, rooms, lastUsedAt, revokedAt } of items) {
          const use = revokedAt !== null ? `revoked ${revokedAt}` : lastUsedAt === null ? 'never used' : `last used ${lastUsedAt}`
          process.stdout.write(`${id}  ${name}  ${scopes.join(' ')}  ${rooms === null ? 'every room' : rooms.join(' ')}  ${use}\n`)
        }
    })
  keys
    .command('revoke')
    .description('a key opens nothing any more')
    .argument('<id>', 'as `keys list` names it')
    .option(...URL_OPTION)
    .action(async (id: string, options: { url?: string }) => {
      const { revokeKey } = await import('../app/keys.js')
      await revokeKey(address(options.url), id)
      process.stdout.write(`${id} is revoked\n`)
    })
}
