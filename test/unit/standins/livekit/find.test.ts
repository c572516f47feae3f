import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigError } from '../../../../src/core/errors.js'
import { cachedLivekit, chooseLivekit, findLivekit, type LivekitFacts } from '../../../../src/standins/livekit/find.js'

const nothing: LivekitFacts = {
  url: undefined,
  apiKey: undefined,
  apiSecret: undefined,
  onPath: undefined,
  cached: undefined,
  platform: 'linux',
}
const everything: LivekitFacts = {
  url: 'wss://meet.example',
  apiKey: 'key',
  apiSecret: 'secret',
  onPath: '/bin/livekit-server',
  cached: '/cache/livekit-server',
  platform: 'linux',
}

describe('the order of choice', () => {
  test('LIVEKIT_URL is taken before anything on this machine', () => {
    expect(chooseLivekit(everything)).toEqual({ kind: 'given', url: 'wss://meet.example', apiKey: 'key', apiSecret: 'secret' })
  })

  test('a server on the PATH is taken before the cached one', () => {
    expect(chooseLivekit({ ...everything, url: undefined })).toEqual({ kind: 'binary', binary: '/bin/livekit-server', from: 'path' })
    expect(chooseLivekit({ ...everything, url: '' })).toMatchObject({ from: 'path' })
  })

  test('the cached server is taken when nothing else is there', () => {
    expect(chooseLivekit({ ...nothing, cached: '/cache/livekit-server' })).toMatchObject({ binary: '/cache/livekit-server', from: 'cache' })
  })

  test('with nothing, one line names the command of this system', () => {
    const on = (platform: string) => chooseLivekit({ ...nothing, platform }) as { message: string }
    expect(on('darwin').message).toContain('brew install livekit')
    expect(on('linux').message).toContain('npm run setup')
    expect(on('linux').message).not.toContain('\n')
  })

  test('LIVEKIT_URL without key and secret names both, and a wrong address too', () => {
    const problems = (facts: Partial<LivekitFacts>) => {
      try {
        chooseLivekit({ ...nothing, ...facts })
        return []
      } catch (error) {
        return (error as ConfigError).problems
      }
    }
    expect(problems({ url: 'ws://127.0.0.1:7880' })).toHaveLength(2)
    expect(problems({ url: 'meet.example', apiKey: 'k', apiSecret: 's' })).toEqual([expect.stringContaining('LIVEKIT_URL')])
    expect(problems({ url: 'nonsense' })).toHaveLength(3)
  })
})

describe('looking at the machine', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'find-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  async function put(path: string, mode: number): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, '')
    await chmod(path, mode)
  }

  test('the first executable of the PATH is found, a file without the right to execute is not', async () => {
    await put(join(folder, 'a', 'livekit-server'), 0o644)
    await put(join(folder, 'b', 'livekit-server'), 0o755)
    await put(join(folder, 'c', 'livekit-server'), 0o755)
    const path = ['', join(folder, 'a'), join(folder, 'b'), join(folder, 'c')].join(delimiter)
    expect(await findLivekit({ cacheDir: folder, path })).toEqual({
      kind: 'binary',
      binary: join(folder, 'b', 'livekit-server'),
      from: 'path',
    })
  })

  test('the cache is found in the folder of its version', async () => {
    expect(await findLivekit({ cacheDir: folder, path: '', platform: 'linux' })).toMatchObject({ kind: 'none' })
    await put(cachedLivekit(folder), 0o755)
    expect(cachedLivekit(folder)).toBe(join(folder, 'livekit-server-1.13.5', 'livekit-server'))
    expect(await findLivekit({ cacheDir: folder, path: '' })).toMatchObject({ kind: 'binary', from: 'cache' })
  })
})
