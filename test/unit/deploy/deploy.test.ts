import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SETTINGS } from '../../../src/app/config/settings.js'
import { NODE_FLAGS } from '../../../src/app/node-flags.js'
import { parseYaml } from '../../support/yaml.js'

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url))
const fileOf = (path: string) => readFile(join(DEPLOY, path), 'utf8')

async function files(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(DEPLOY, folder), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** variables that other programs read */
const FOREIGN = new Set(['LIVEKIT_CONFIG'])
const NAME = /\b(?:ROOMSCRIBE|LIVEKIT|GLADIA|SLACK|LLM|DATABASE|REDIS)_[A-Z][A-Z_]*\b/g

test('whatever setting a file in deploy names, there is', async () => {
  const names = new Set<string>(Object.values(SETTINGS).map(({ name }) => name))
  const found = new Set<string>()
  const paths = (await files('.')).filter((path) => !path.startsWith(join(DEPLOY, 'dev')))
  expect(paths.length).toBeGreaterThan(12)
  for (const path of paths) {
    for (const [name] of (await readFile(path, 'utf8')).matchAll(NAME)) {
      if (!names.has(name) && !FOREIGN.has(name)) throw new Error(`${path}: there is no setting ${name}`)
      found.add(name)
    }
  }
  for (const needed of ['LIVEKIT_URL', 'DATABASE_URL', 'REDIS_URL', 'ROOMSCRIBE_API_KEY', 'ROOMSCRIBE_SHUTDOWN_SEC']) {
    expect(found).toContain(needed)
  }
})

describe('the image', () => {
  test('starts node with the flags of every command, as pid 2 of tini, not as root', async () => {
    const text = await fileOf('Dockerfile')
    const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? '[]') as string[]
    expect(entry).toEqual(['/usr/bin/tini', '--', 'node', ...NODE_FLAGS, '/app/dist/cli/main.js'])
    expect(/^USER (\S+)$/m.exec(text)?.[1]).toBe('10001:10001')
    expect(text).toMatch(/^HEALTHCHECK .*health\.mjs/m)
    // a user without a name has no home, and asking for one would fail
    expect(text).toMatch(/^ENV HOME=/m)
    expect(text).toMatch(/node:20\.\d+\.\d+-bookworm-slim/)
  })

  test('takes nothing from the checkout but what its steps copy', async () => {
    const ignored = (await fileOf('Dockerfile.dockerignore')).trim().split('\n')
    expect(ignored[0]).toBe('*')
    const allowed = ignored.slice(1).map((line) => line.slice(1))
    const copies = [...(await fileOf('Dockerfile')).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '))
    expect(copies.length).toBeGreaterThan(5)
    for (const path of copies)
      expect(
        allowed.some((one) => path === one || path.startsWith(`${one}/`)),
        path,
      ).toBe(true)
  })

  test('keeps of the recogniser what this system can load, and nothing else', async () => {
    const { prune } = (await import(new URL('../../../deploy/image/prune.mjs', import.meta.url).href)) as {
      prune: (modules: string, kept: { platform: string; arch: string }) => Promise<readonly string[]>
    }
    const modules = await mkdtemp(join(tmpdir(), 'roomscribe-prune-'))
    try {
      const bin = 'onnxruntime-node/bin/napi-v6'
      const kept = [`${bin}/linux/x64/libonnxruntime.so.1`, 'onnxruntime-node/dist/index.js', 'other/bin/a/darwin/x']
      const gone = [`${bin}/linux/arm64/x.so`, `${bin}/darwin/arm64/x.dylib`, `${bin}/win32/x64/x.dll`]
      for (const path of [...kept, ...gone]) {
        await mkdir(dirname(join(modules, path)), { recursive: true })
        await writeFile(join(modules, path), '')
      }
      expect((await prune(modules, { platform: 'linux', arch: 'x64' })).toSorted()).toEqual([
        `${bin}/darwin`,
        `${bin}/linux/arm64`,
        `${bin}/win32`,
      ])
      const left = (await readdir(modules, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      expect(left.map((entry) => join(entry.parentPath, entry.name).slice(modules.length + 1)).toSorted()).toEqual(kept.toSorted())
      expect(await prune(join(modules, 'none'), { platform: 'linux', arch: 'x64' })).toEqual([])
    } finally {
      await rm(modules, { recursive: true })
    }
  })
})

interface Service {
  readonly command?: readonly string[]
  /** null: as the environment of whoever starts it says */
  readonly environment?: Readonly<Record<string, string | null>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly stop_grace_period?: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly deploy?: { readonly replicas: number }
}

/** what the image sets for every container */
const OF_THE_IMAGE = ['ROOMSCRIBE_PORT', 'ROOMSCRIBE_HOST', 'ROOMSCRIBE_DATA_DIR', 'ROOMSCRIBE_CACHE_DIR']

describe('the compose file', () => {
  const compose = async () =>
    parseYaml(await fileOf('compose.yaml')) as {
      readonly services: Readonly<Record<string, Service>>
      readonly volumes: Readonly<Record<string, unknown>>
    }

  test('has LiveKit, PostgreSQL, Redis, serve and two bots, and everything that one names is there', async () => {
    const { services, volumes } = await compose()
    expect(Object.keys(services).toSorted()).toEqual(['bot', 'livekit', 'postgres', 'redis', 'serve'])
    expect(services['bot']?.deploy?.replicas).toBe(2)
    for (const { depends_on = {}, volumes: mounts = [] } of Object.values(services)) {
      for (const name of Object.keys(depends_on)) expect(services).toHaveProperty(name)
      for (const mount of mounts) expect(volumes).toHaveProperty(mount.split(':')[0] ?? '')
    }
    for (const role of ['serve', 'bot']) {
      const service = services[role]
      expect(service?.command).toEqual([role])
      expect(await fileOf(join(service?.build?.context ?? '', service?.build?.dockerfile ?? ''))).toMatch(/^FROM /m)
    }
  })

  test('gives every setting of the environment to serve and bot, but for those of the image', async () => {
    const { services } = await compose()
    const names = Object.values(SETTINGS).flatMap(({ name }) => (OF_THE_IMAGE.includes(name) ? [] : [name]))
    for (const role of ['serve', 'bot']) expect(Object.keys(services[role]?.environment ?? {}).toSorted()).toEqual(names.toSorted())
  })

  test('publishes ports on this machine only', async () => {
    const { services } = await compose()
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports)
    expect(ports.length).toBeGreaterThan(3)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test('gives a bot the time that its drain may take', async () => {
    const { services } = await compose()
    const { environment = {}, stop_grace_period } = services['bot'] ?? {}
    const needed = Number(environment['ROOMSCRIBE_SHUTDOWN_SEC']) + Number(environment['ROOMSCRIBE_DRAIN_SEC']) + 90
    expect(Number.parseInt(stop_grace_period ?? '', 10)).toBe(needed)
  })

  test('LiveKit, read from its configuration, sends webhooks with a key that it has, to serve', async () => {
    const { services } = await compose()
    const text = services['livekit']?.environment?.['LIVEKIT_CONFIG'] ?? ''
    const config = parseYaml(text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')) as {
      keys: Record<string, string>
      webhook: { api_key: string; urls: string[] }
    }
    expect(config.keys[config.webhook.api_key]?.length).toBeGreaterThanOrEqual(32)
    expect(config.webhook.urls).toEqual(['http://serve:8080/webhooks/livekit'])
  })
})

describe('the chart', () => {
  type Tree = Readonly<Record<string, unknown>>
  interface Schema {
    readonly properties?: Readonly<Record<string, Schema>>
    readonly additionalProperties?: unknown
    readonly required?: readonly string[]
  }

  test('every value that a template names has a default, and every default is in the schema', async () => {
    const values = parseYaml(await fileOf('chart/values.yaml')) as Tree
    const schema = JSON.parse(await fileOf('chart/values.schema.json')) as Schema
    const has = (tree: unknown, [name, ...rest]: readonly string[]): boolean =>
      name === undefined || (typeof tree === 'object' && tree !== null && name in tree && has((tree as Tree)[name], rest))
    let named = 0
    for (const path of await files('chart/templates')) {
      for (const [, dotted = ''] of (await readFile(path, 'utf8')).matchAll(/\.Values\.([A-Za-z_.]+)/g)) {
        named++
        expect(has(values, dotted.split('.')), `${path}: ${dotted}`).toBe(true)
      }
    }
    expect(named).toBeGreaterThan(40)
    const check = (tree: Tree, part: Schema, path: string): void => {
      for (const [name, value] of Object.entries(tree)) {
        const known = part.properties?.[name]
        if (!known) throw new Error(`${path}${name} is not in values.schema.json`)
        if (known.properties && typeof value === 'object' && value !== null) check(value as Tree, known, `${path}${name}.`)
      }
    }
    check(values, schema, '')
  })

  test('a bot has the time that its drain may take, as the settings that it is given say', async () => {
    const bot = await fileOf('chart/templates/bot.yaml')
    expect(bot).toMatch(/terminationGracePeriodSeconds: \{\{ add \.Values\.bot\.shutdownSec \.Values\.bot\.drainSec 90 \}\}/)
    for (const setting of ['ROOMSCRIBE_SHUTDOWN_SEC" .Values.bot.shutdownSec', 'ROOMSCRIBE_DRAIN_SEC" .Values.bot.drainSec']) {
      expect(bot).toContain(setting)
    }
  })
})
