import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Resampler } from '../../src/live/room/recording/resampler.js'
import { encodeMark } from '../../src/speech-server/engine/marks/codec.js'
import { CliProcess } from '../support/cli-process.js'
import { concat } from '../support/marks-audio.js'
import { returnedMarks } from '../support/marks-verdict.js'
import { startSpeechServerProcess, type SpeechServerProcess } from '../support/speech-server-process.js'
import { until } from '../support/until.js'
import { interleaved, wavVariant, type WavVariant } from '../support/wav-variants.js'

/** A turn: marks in slots of 200 ms. */
interface Turn {
  readonly from: number
  readonly count: number
}

/** A recording has a store of its own, ends with its last sample, and is as long as it is. */
const UNUSED = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
  ROOMSCRIBE_DATA_DIR: '/dev/null/none',
  ROOMSCRIBE_ALONE_SEC: '86400',
  ROOMSCRIBE_MAX_MEETING_SEC: '10',
}
const SLOT_MS = 200
/** the chord of a slot rises to half its height after so long */
const RISE_MS = 4

/** Marks of one speaker in their slots, silence between them. */
function talk(who: number, turns: readonly Turn[], slots: number, rate: 16_000 | 48_000): Int16Array {
  const silent = new Int16Array((rate * SLOT_MS) / 1000)
  const isSpoken = (n: number) => turns.some(({ from, count }) => n >= from && n < from + count)
  return concat(...Array.from({ length: slots }, (_, n) => (isSpoken(n) ? encodeMark(who, n, rate) : silent)))
}

const to44k = (samples: Int16Array): Float32Array => new Resampler(48_000, 44_100).process(Float32Array.from(samples))

const marksOf = (who: number, turns: readonly Turn[]) =>
  turns.flatMap(({ from, count }) => Array.from({ length: count }, (_, at) => `${who}/${from + at}`))

interface Document {
  readonly room: string
  readonly complete: boolean
  readonly doubts: readonly string[]
  readonly segments: readonly {
    readonly identity: string | null
    readonly session: string
    readonly channel: number
    readonly words: readonly { readonly text: string; readonly startMs: number; readonly endMs: number }[]
  }[]
  readonly billing: { readonly sessions: readonly { readonly channels: number }[] }
  readonly coverage: readonly { readonly name: string; readonly lostMs: number; readonly gaps: readonly object[] }[]
}

describe('`transcribe`', { timeout: 180_000 }, () => {
  let speech: SpeechServerProcess
  let folder: string
  const running: CliProcess[] = []
  const servers: SpeechServerProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-recordings-'))
    speech = await startSpeechServerProcess('marks')
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((cli) => cli.kill()))
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })
  afterAll(async () => {
    await speech.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function run(args: readonly string[], env: Record<string, string> = {}): CliProcess {
    const cli = new CliProcess(['transcribe', ...args], { ...UNUSED, GLADIA_API_URL: speech.url, TMPDIR: folder, ...env })
    running.push(cli)
    return cli
  }

  async function file(name: string, variant: Partial<WavVariant>, channels: readonly ArrayLike<number>[]): Promise<string> {
    const path = join(folder, name)
    const whole: WavVariant = { kind: 'int', bits: 16, sampleRate: 16_000, channels: channels.length, ...variant }
    await writeFile(path, wavVariant(whole, interleaved(channels)))
    return path
  }

  const documentOf = (cli: CliProcess) => JSON.parse(cli.stdout.join('\n')) as Document
  const said = ({ segments }: Document) => returnedMarks(segments.map((one) => ({ ...one, sessionId: one.session })))

  it('brings every mark of three files of different kinds under the right name and to its place, and exits 0', async () => {
    const turns = {
      Ann: [
        { from: 2, count: 8 },
        { from: 40, count: 9 },
      ],
      bob: [{ from: 8, count: 10 }],
      Cyd: [
        { from: 0, count: 5 },
        { from: 21, count: 15 },
      ],
      Dee: [
        { from: 30, count: 15 },
        { from: 52, count: 7 },
      ],
    }
    const paths = [
      await file('one.wav', {}, [talk(1, turns.Ann, 50, 16_000)]),
      await file('two.wav', { kind: 'float', bits: 32, sampleRate: 48_000 }, [talk(2, turns.bob, 20, 48_000)]),
      await file('table.wav', { bits: 24, sampleRate: 44_100, form: 'extensible', told: 0 }, [
        to44k(talk(3, turns.Cyd, 60, 48_000)),
        to44k(talk(4, turns.Dee, 60, 48_000)),
      ]),
    ]
    const out = join(folder, 'out')
    const cli = run([...paths, '--names', 'Ann, bob,Cyd,Dee', '--speed', '4', '--json', '--out', out])
    expect([await cli.exited, cli.messages.filter((line) => line.startsWith('roomscribe'))]).toEqual([0, []])
    const document = documentOf(cli)
    expect(document).toMatchObject({ complete: true, doubts: [], room: 'one, two, table', startedAt: null })
    const marks = said(document)
    for (const [at, [name, own]] of Object.entries(turns).entries()) {
      const back = marks.filter(({ identity }) => identity === name)
      expect(back.map(({ who, n }) => `${who}/${n}`)).toEqual(marksOf(at + 1, own))
      for (const { n, startMs } of back) expect(Math.abs(startMs - n * SLOT_MS - RISE_MS)).toBeLessThanOrEqual(10)
    }
    expect(marks).toHaveLength(8 + 9 + 10 + 5 + 15 + 15 + 7)
    expect((await readdir(out)).toSorted()).toEqual(['json', 'md', 'srt', 'txt', 'vtt'].map((format) => `transcript.${format}`))
    expect(JSON.parse(await readFile(join(out, 'transcript.json'), 'utf8'))).toEqual(document)
    // nothing else is left
    expect((await readdir(folder)).filter((name) => name.startsWith('roomscribe-'))).toEqual([])
  })

  it('exits 3 when the speech service did not take everything, and the receipt says what of whom', async () => {
    const behaviours = join(folder, 'deaf.json')
    await writeFile(behaviours, JSON.stringify({ halfOpen: { afterChunks: 20 } }))
    const deaf = await startSpeechServerProcess('marks', ['--behaviour', behaviours])
    servers.push(deaf)
    const path = await file('unheard.wav', {}, [talk(9, [{ from: 0, count: 30 }], 30, 16_000)])
    const cli = run([path, '--speed', '2', '--json'], { GLADIA_API_URL: deaf.url, ROOMSCRIBE_DRAIN_SEC: '2' })
    expect(await cli.exited).toBe(3)
    const { complete, doubts, coverage } = documentOf(cli)
    expect([complete, doubts.includes('lost'), coverage.map(({ name }) => name)]).toEqual([false, true, ['unheard']])
    expect(coverage[0]?.lostMs).toBeGreaterThan(1_000)
    expect(cli.messages).toContain('something was lost: --speed 1 may help')
  })

  it('ends with what there is when it is interrupted, exits 3, and the rest is a gap of everybody', async () => {
    const path = await file('long.wav', {}, [talk(5, [{ from: 0, count: 300 }], 300, 16_000), talk(6, [], 300, 16_000)])
    const cli = run([path, '--json'])
    await cli.line(/2 people, 01:00, at 1 x real time/)
    await cli.line(/long 1/)
    cli.signal('SIGINT')
    expect(await cli.exited).toBe(3)
    const document = documentOf(cli)
    expect([document.complete, document.doubts]).toEqual([false, ['gaps']])
    for (const { gaps } of document.coverage) expect(gaps).toEqual([expect.objectContaining({ toMs: 60_000, reason: 'not_received' })])
    expect(document.coverage).toHaveLength(2)
    expect(said(document).length).toBeGreaterThan(0)
    expect(cli.messages.at(-1)).toMatch(/^interrupted at 00:\d\d of 01:00: the rest was not transcribed$/)
  })

  it('tells every problem of files and settings at once and exits 2, before anything is sent', async () => {
    await mkdir(join(folder, 'empty-path'), { recursive: true })
    const good = await file('good.wav', {}, [[1, 2, 3]])
    const cut = join(folder, 'cut.wav')
    await writeFile(cut, (await readFile(await file('whole.wav', {}, [new Int16Array(16_000)]))).subarray(0, 16_044))
    const other = async (name: string, text: string) => {
      await writeFile(join(folder, name), text, 'latin1')
      return join(folder, name)
    }
    const paths = [
      join(folder, 'missing.wav'),
      folder,
      await other('none.wav', ''),
      cut,
      await other('talk.mp3', 'ID3\u0003'),
      await other('talk.txt', 'hello'),
    ]
    const sessions = async () => (await (await fetch(`${speech.url}/v2/live`, { headers: { 'x-gladia-key': 'local' } })).text()).length
    const before = await sessions()
    const cli = run([good, ...paths, '--out', join(good, 'out'), '--json'], { PATH: join(folder, 'empty-path'), ROOMSCRIBE_PROT: '1' })
    expect(await cli.exited).toBe(2)
    const install = 'other recordings than WAV files need ffmpeg, which is not installed'
    expect([cli.stdout, cli.messages]).toEqual([
      [],
      [
        'roomscribe: ROOMSCRIBE_PROT is not a setting of roomscribe: did you mean ROOMSCRIBE_PORT?',
        expect.stringMatching(/^roomscribe: the folder .*good\.wav.out of --out cannot be made: /),
        `roomscribe: ${paths[0]} is not there`,
        `roomscribe: ${folder} is a folder`,
        `roomscribe: ${paths[2]} is empty`,
        `roomscribe: ${cut} is cut off: it should have 1.0 s of sound and has 0.5 s`,
        `roomscribe: ${paths[4]} is an MP3 file: ${install}`,
        `roomscribe: ${paths[5]} is no WAV file: ${install}`,
      ],
    ])
    expect(await sessions()).toBe(before)
    for (const args of [[], ['--speed', '9', good], ['--language', 'english', good]]) {
      const wrong = run(args)
      expect([await wrong.exited, wrong.messages[0]]).toEqual([2, expect.stringMatching(/^error: /)])
    }
    const twice = run([good, good])
    expect(await twice.exited).toBe(2)
    expect(twice.messages).toEqual(['roomscribe: two people are called "good": give everybody a name of their own with --names'])
  })

  it('decodes what is no WAV file with ffmpeg, tells what it says, and ends it when it is interrupted', async () => {
    const bin = join(folder, 'bin')
    await mkdir(bin, { recursive: true })
    // in the place of ffmpeg: the sound is behind the first five bytes
    const script = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(2)
const file = (name) => args[args.indexOf(name) + 1].replace(/^file:/, '')
if (file('-protocol_whitelist') !== 'file' || /hls|concat|dash/.test(file('-format_whitelist'))) throw new Error('it may read anything')
const input = readFileSync(file('-i'))
const [how, sound] = [input.toString('latin1', 4, 5), input.subarray(5)]
if (how === 'S') { writeFileSync(${JSON.stringify(join(folder, 'ffmpeg.pid'))}, String(process.pid)); setInterval(() => undefined, 1000) }
else if (how === 'B') { console.error('Invalid data found'); process.exitCode = 1 }
else { console.error('one packet is broken'); writeFileSync(file('-y'), sound) }
`
    await writeFile(join(bin, 'ffmpeg'), script, { mode: 0o755 })
    const turns = [{ from: 1, count: 12 }]
    const sound = await readFile(await file('sound.wav', {}, [talk(7, turns, 15, 16_000)]))
    const ogg = async (name: string, how: string) => {
      await writeFile(join(folder, name), Buffer.concat([Buffer.from(`OggS${how}`), sound]))
      return join(folder, name)
    }
    const env = { PATH: bin }
    const cli = run([await ogg('-fay.ogg', 'G'), '--speed', '4', '--json'], env)
    expect(await cli.exited).toBe(0)
    expect(documentOf(cli).billing.sessions).toEqual([expect.objectContaining({ channels: 1 })])
    expect(said(documentOf(cli)).map(({ identity, who, n }) => `${identity} ${who}/${n}`)).toEqual(
      marksOf(7, turns).map((mark) => `-fay ${mark}`),
    )
    expect(cli.stderr.join('\n')).toMatch(/decoding .*-fay\.ogg with ffmpeg[\s\S]*ffmpeg on .*-fay\.ogg: one packet is broken/)
    const bad = run([await ogg('bad.ogg', 'B')], env)
    expect([await bad.exited, bad.messages]).toEqual([
      2,
      [`roomscribe: ${join(folder, 'bad.ogg')} is an Ogg file (Opus, Vorbis) that ffmpeg cannot read: Invalid data found`],
    ])
    const slow = run([await ogg('slow.ogg', 'S')], env)
    const pid = async () => Number(await readFile(join(folder, 'ffmpeg.pid'), 'utf8').catch(() => '0'))
    await until(async () => (await pid()) > 0)
    slow.signal('SIGINT')
    expect([await slow.exited, slow.messages]).toEqual([130, ['interrupted: nothing was sent']])
    const child = await pid()
    expect(() => process.kill(child, 0)).toThrow('ESRCH')
    expect((await readdir(folder)).filter((name) => name.startsWith('roomscribe-'))).toEqual([])
  })
})
