import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cacheDir, WEIGHTS_FOLDER } from '../../../src/app/config/cache-dir.js'
import { deferred } from '../../../src/core/deferred.js'
import { cachedLivekit } from '../../../src/standins/livekit/find.js'

/** The script is plain JavaScript: what the tests use of it. */
interface SetupModules {
  setUp(options: object): Promise<readonly string[]>
  oldNode(version: string): string | undefined
  withLock<T>(path: string, work: () => Promise<T>, onWait?: (pid: number) => unknown): Promise<T>
  removeLeftovers(folder: string, prefix: string): Promise<void>
  tarFiles(archive: Buffer): Iterable<{ path: string; content: Buffer }>
  withoutHosts(text: string): string
  cacheDir(env: Record<string, string | undefined>, platform?: string): string
  readonly WEIGHTS_FOLDER: string
  readonly LIVEKIT_FOLDER: string
  noServer(tried: readonly string[], platform: string): string
  dockerScript(docker: string, env: Record<string, string | undefined>): string
  goVersion(text: string): readonly [number, number] | undefined
  howTo(missing: readonly object[], platform: string, hasApt: boolean): string
  build(context: object): Promise<string>
  packages(context: object): Promise<string>
}
const files = ['setup', 'lock', 'tar', 'run', 'cache-dir', 'livekit', 'debian', 'build', 'packages']
const loaded = await Promise.all(
  files.map((file) => import(new URL(`../../../deploy/dev/${file}.mjs`, import.meta.url).href) as Promise<object>),
)
const dev = Object.assign({}, ...loaded) as SetupModules

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'setup-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('the cache folder', () => {
  test.each([
    [{ ROOMSCRIBE_CACHE_DIR: '/own', XDG_CACHE_HOME: '/xdg', HOME: '/home/a' }, 'linux', '/own'],
    [{ ROOMSCRIBE_CACHE_DIR: '', XDG_CACHE_HOME: '/xdg', HOME: '/home/a' }, 'linux', '/xdg/roomscribe'],
    [{ HOME: '/home/a' }, 'linux', '/home/a/.cache/roomscribe'],
    [{ HOME: '/Users/a' }, 'darwin', '/Users/a/Library/Caches/roomscribe'],
  ] as const)('%j on %s is %s, as the service itself has it', (env, platform, expected) => {
    expect(dev.cacheDir(env, platform)).toBe(expected)
    expect(cacheDir(env, platform)).toBe(expected)
  })

  test('set-up and service use the same names inside it', () => {
    expect(dev.WEIGHTS_FOLDER).toBe(WEIGHTS_FOLDER)
    expect(cachedLivekit('/c')).toBe(join('/c', dev.LIVEKIT_FOLDER, 'livekit-server'))
  })
})

describe('a lock', () => {
  const lock = () => join(folder, 'locks', 'one')

  test('lets one in at a time and is gone afterwards', async () => {
    let inside = 0
    let most = 0
    let waiting = 0
    const bothWait = deferred()
    const enter = () =>
      dev.withLock(
        lock(),
        async () => {
          most = Math.max(most, ++inside)
          await Promise.resolve()
          inside--
        },
        () => ++waiting === 2 && bothWait.resolve(),
      )
    const first = deferred()
    const holder = dev.withLock(lock(), () => {
      first.resolve()
      inside++
      return bothWait.promise.finally(() => inside--)
    })
    await first.promise
    await Promise.all([holder, enter(), enter()])
    expect([most, waiting]).toEqual([1, 2])
    expect(await readdir(join(folder, 'locks'))).toEqual([])
  })

  test('of a dead process is taken over', async () => {
    await mkdir(join(folder, 'locks'))
    // above the largest process id of any system
    await writeFile(lock(), `99999999 ${hostname()}`)
    expect(await dev.withLock(lock(), () => Promise.resolve('in'))).toBe('in')
  })

  test('that nobody touched for a minute is taken over, though its process id lives', async () => {
    await mkdir(join(folder, 'locks'))
    await writeFile(lock(), `${process.pid} ${hostname()}`)
    const old = new Date(Date.now() - 61_000)
    await utimes(lock(), old, old)
    expect(await dev.withLock(lock(), () => Promise.resolve('in'))).toBe('in')
  })

  test('of another host that is fresh is waited for', async () => {
    await mkdir(join(folder, 'locks'))
    await writeFile(lock(), '99999999 elsewhere')
    const waited: number[] = []
    const held = dev.withLock(
      lock(),
      () => Promise.resolve('in'),
      (pid) => {
        waited.push(pid)
        void rm(lock())
      },
    )
    expect(await held).toBe('in')
    expect(waited).toEqual([99999999])
  })

  test('is released when the work fails', async () => {
    await expect(dev.withLock(lock(), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await readdir(join(folder, 'locks'))).toEqual([])
  })
})

test('only what killed runs of the same step left is removed', async () => {
  for (const name of ['.tmp-a-1', '.tmp-a-2', '.tmp-b-1', 'kept']) await mkdir(join(folder, name))
  await dev.removeLeftovers(folder, '.tmp-a-')
  expect((await readdir(folder)).sort()).toEqual(['.tmp-b-1', 'kept'])
  await dev.removeLeftovers(join(folder, 'missing'), '.tmp-')
})

describe('the tar reader', () => {
  /** One entry of an archive. */
  function entry(path: string, content: string, { type = '0', prefix = '' } = {}): Buffer {
    const body = Buffer.from(content)
    const bytes = Buffer.alloc(512 + Math.ceil(body.length / 512) * 512)
    bytes.write(path, 0)
    bytes.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
    bytes.write(type, 156)
    bytes.write(prefix, 345)
    bytes.fill(32, 148, 156)
    let sum = 0
    for (const byte of bytes.subarray(0, 512)) sum += byte
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    body.copy(bytes, 512)
    return bytes
  }
  const read = (...entries: Buffer[]) =>
    [...dev.tarFiles(Buffer.concat([...entries, Buffer.alloc(1024)]))].map(({ path, content }) => [path, content.toString()])

  test('gives files with prefixes and long names, and no folders', () => {
    expect(
      read(
        entry('package/a', 'one'),
        entry('package/', '', { type: '5' }),
        entry('b', 'x'.repeat(513), { prefix: 'package/deep' }),
        entry('x', '27 path=package/very/long\n', { type: 'x' }),
        entry('short', 'three'),
        entry('L', 'package/gnu\0', { type: 'L' }),
        entry('short', ''),
      ),
    ).toEqual([
      ['package/a', 'one'],
      ['package/deep/b', 'x'.repeat(513)],
      ['package/very/long', 'three'],
      ['package/gnu', ''],
    ])
  })

  test('refuses a damaged header and an archive that is cut off', () => {
    const damaged = entry('a', 'one')
    damaged.write('b', 0)
    expect(() => read(damaged)).toThrow(/damaged/)
    const whole = entry('a', 'x'.repeat(2_000))
    expect(() => [...dev.tarFiles(whole.subarray(0, 1_024))]).toThrow(/cut off/)
  })
})

describe('what is shown', () => {
  test('has no addresses and no names of hosts', () => {
    const text =
      'GET https://npm.some.example/x failed: lookup proxy.go.example.org: no such host; see src/a.ts and github.com/livekit/livekit'
    expect(dev.withoutHosts(text)).toBe('GET [host]/x failed: lookup [host]: no such host; see src/a.ts and github.com/livekit/livekit')
  })

  test('names the command of each system', () => {
    expect(dev.noServer(['no Go', 'no docker'], 'darwin')).toMatch(/brew install livekit.*no Go; no docker/)
    expect(dev.noServer([], 'linux')).toMatch(/Go 1\.26/)
    const missing = [
      { name: 'redis-server', brew: 'redis' },
      { name: 'chromium', brew: '--cask chromium' },
    ]
    expect(dev.howTo(missing, 'linux', true)).toContain('sudo apt-get install --no-install-recommends redis-server chromium')
    expect(dev.howTo(missing, 'darwin', false)).toContain('brew install redis && brew install --cask chromium')
  })

  test('of an old Node is one sentence', () => {
    expect(dev.oldNode('18.20.0')).toMatch(/Node 18\.20\.0 is too old/)
    expect(dev.oldNode('20.19.9')).toBeDefined()
    expect([dev.oldNode('20.20.0'), dev.oldNode('24.1.0')]).toEqual([undefined, undefined])
  })
})

test('the version of Go is read from its own words', () => {
  expect(dev.goVersion('go1.26.8\n')).toEqual([1, 26])
  expect(dev.goVersion('go1.27rc1')).toEqual([1, 27])
  expect(dev.goVersion('command not found')).toBeUndefined()
})

test('the docker script quotes what it carries', () => {
  const script = dev.dockerScript("/opt/it's/docker", { HOME: '/home/a b', SECRET: 'x' })
  expect(script).toContain(`export HOME='/home/a b'`)
  expect(script).toContain(`exec '/opt/it'\\''s/docker' run --rm --init --network host livekit/livekit-server:v1.13.5 "$@"`)
  expect(script).not.toContain('SECRET')
})

describe('the steps together', () => {
  const step = (name: string, run: (context: { working(what: string): void }) => Promise<string>) => ({ name, about: `about ${name}`, run })
  const all = async (steps: object[], options: object = {}) => {
    const lines: string[] = []
    const problems = await dev.setUp({
      steps,
      root: folder,
      env: { ROOMSCRIBE_CACHE_DIR: folder },
      write: (line: string) => lines.push(line),
      ...options,
    })
    return { lines, problems }
  }

  test('each says what it does and how long it took; a failure is a sentence and the rest goes on', async () => {
    const { lines, problems } = await all([
      step('weights', () => Promise.reject(new Error('no network'))),
      step('livekit', (context) => {
        context.working('go install')
        return Promise.resolve('/c/livekit-server')
      }),
    ])
    expect(problems).toEqual(['weights: no network'])
    expect(lines[0]).toMatch(/^weights +failed \(\d+\.\d s\)$/)
    expect(lines[1]).toBe('livekit   about livekit: go install ...')
    expect(lines[2]).toMatch(/^livekit +\/c\/livekit-server \(\d+\.\d s\)$/)
  })

  test('npm says why it failed also when the command was `npm -s`', async () => {
    const seen: (string | undefined)[] = []
    const look = {
      name: 'packages',
      about: '',
      run: ({ env }: { env: Record<string, string | undefined> }) => {
        seen.push(env['npm_config_loglevel'], env['ROOMSCRIBE_CACHE_DIR'])
        return Promise.resolve('there')
      },
    }
    await all([look], { env: { npm_config_loglevel: 'silent', ROOMSCRIBE_CACHE_DIR: folder } })
    expect(seen).toEqual([undefined, folder])
  })

  test('quiet says nothing about what is there', async () => {
    const { lines, problems } = await all([step('weights', () => Promise.resolve('there'))], { quiet: true })
    expect([lines, problems]).toEqual([[], []])
  })

  test('nothing is built when the packages could not be installed', async () => {
    let built = false
    const { problems } = await all([
      step('packages', () => Promise.reject(new Error('no npm'))),
      step('build', () => {
        built = true
        return Promise.resolve('built')
      }),
    ])
    expect([problems, built]).toEqual([['packages: no npm'], false])
  })
})

describe('packages and build', () => {
  /** A checkout whose npm and tsc are scripts that write down that they ran. */
  async function checkout() {
    const bin = join(folder, 'bin')
    const root = join(folder, 'root')
    await mkdir(bin)
    await mkdir(join(root, 'src', 'deep'), { recursive: true })
    await mkdir(join(root, 'node_modules', '.bin'), { recursive: true })
    for (const file of ['package.json', 'package-lock.json', 'tsconfig.json']) await writeFile(join(root, file), `{"of":"${file}"}`)
    await writeFile(join(root, 'src', 'deep', 'a.ts'), '1')
    const npm = 'echo npm $* >> ran; touch node_modules/.package-lock.json'
    await writeFile(
      join(bin, 'npm'),
      `#!/bin/sh\n${npm}\n[ ! -f break ] || { echo broken >&2; exit 7; }\n[ ! -f rewrite ] || echo other > package-lock.json\n`,
      { mode: 0o755 },
    )
    await writeFile(
      join(root, 'node_modules', '.bin', 'tsc'),
      '#!/bin/sh\necho tsc >> ran; mkdir -p dist/deep; touch dist/deep/a.js\n[ ! -f break ] || exit 2\n',
      { mode: 0o755 },
    )
    const context = { root, env: { PATH: `${bin}:/usr/bin:/bin` }, working: () => undefined, waiting: () => undefined }
    const ran = async () => (await readFile(join(root, 'ran'), 'utf8').catch(() => '')).trim().split('\n').filter(Boolean)
    return { root, context, ran }
  }

  test('npm install runs once, again when the lockfile changes or node_modules was emptied', async () => {
    const { root, context, ran } = await checkout()
    expect(await dev.packages(context)).toBe('installed')
    expect(await dev.packages(context)).toBe('as in the lockfile')
    expect(await ran()).toEqual(['npm install --no-audit --no-fund'])
    await writeFile(join(root, 'package-lock.json'), '{"of":"another"}')
    expect(await dev.packages(context)).toBe('installed')
    await rm(join(root, 'node_modules', '.package-lock.json'))
    expect(await dev.packages(context)).toBe('installed')
    expect(await ran()).toHaveLength(3)
  })

  test('the lockfile keeps every byte, whatever npm makes of it', async () => {
    const { root, context } = await checkout()
    await writeFile(join(root, 'rewrite'), '')
    expect(await dev.packages(context)).toMatch(/put back/)
    expect(await readFile(join(root, 'package-lock.json'), 'utf8')).toBe('{"of":"package-lock.json"}')
  })

  test('a failed install is not taken for a finished one', async () => {
    const { root, context, ran } = await checkout()
    await writeFile(join(root, 'break'), '')
    await expect(dev.packages(context)).rejects.toThrow(/npm install failed with code 7; its last lines:\n +broken/)
    await rm(join(root, 'break'))
    expect(await dev.packages(context)).toBe('installed')
    expect(await ran()).toHaveLength(2)
  })

  test('it is built once, again when a source changes, and what has no source any more is removed', async () => {
    const { root, context, ran } = await checkout()
    await mkdir(join(root, 'dist', 'deep'), { recursive: true })
    for (const file of ['deep/old.js', 'deep/old.js.map', 'deep/kept.css']) await writeFile(join(root, 'dist', file), '')
    expect(await dev.build(context)).toBe('built')
    expect((await readdir(join(root, 'dist', 'deep'))).sort()).toEqual(['a.js', 'kept.css'])
    expect(await dev.build(context)).toBe('up to date')
    const { mtimeMs } = await stat(join(root, 'src', 'deep', 'a.ts'))
    await utimes(join(root, 'src', 'deep', 'a.ts'), new Date(), new Date(mtimeMs + 5_000))
    expect(await dev.build(context)).toBe('built')
    expect(await ran()).toEqual(['tsc', 'tsc'])
  })

  test('sources that do not compile are not taken for built', async () => {
    const { root, context } = await checkout()
    await writeFile(join(root, 'break'), '')
    await expect(dev.build(context)).rejects.toThrow(/do not compile/)
    await rm(join(root, 'break'))
    expect(await dev.build(context)).toBe('built')
  })
})
