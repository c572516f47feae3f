import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cacheDir, WEIGHTS_FOLDER } from '../../../src/app/config/cache-dir.js'
import { deferred } from '../../../src/core/deferred.js'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { createMoonshineEngine } from '../../../src/speech-server/engine/moonshine/engine.js'
import type { Engine, EngineSession, EngineSessionOptions } from '../../../src/speech-server/engine/port.js'
import { EngineListener, interleaved } from '../../support/engine-listener.js'
import { fliteClips } from '../../support/flite-clips.js'
import { concat, silence, whiteNoise } from '../../support/marks-audio.js'
import { sharedData } from '../../support/shared-data.js'
import { readWav } from '../../support/wav.js'
import { wordErrorRate } from '../../support/word-errors.js'

const weightsDir = join(cacheDir(process.env), WEIGHTS_FOLDER)
const isMissing = !existsSync(join(weightsDir, 'encoder_model.onnx'))
if (isMissing) console.warn(`no weights in ${weightsDir}: run \`npm run setup\`; the recogniser is not tested`)
const skip = isMissing && process.env['CI'] !== 'true'

const SENTENCES = [
  'please remember to update the calendar',
  'there are three people on vacation next week',
  'the first release was faster than we expected',
  'our next step is to call the customer',
  'does anybody have a question',
  'i think we need another engineer for this work',
  'the new server is running since last week',
  'we should move the meeting to monday afternoon',
  'we decided to stop the old service in june',
  'good morning everyone thank you for joining',
  'i will send the report before friday',
  'let us start with the project status',
  'can you please share the numbers with the team',
]

/** Real speech, when the folder beside the repository has it. */
const CLIPS = [
  ['jfk.wav', 'And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.', 0.05],
  [
    'librivox-sense-and-sensibility-0870.wav',
    'and mr john dashwood had then leisure to consider how much there might be prudently in his power to do for them',
    0.05,
  ],
  ['digits-one-to-eight.wav', 'one two three four five six seven eight', 0],
  ['ami-ES2011a-headset0-40s-46s.wav', "I'm Abigail Claflin you can call me Abby", 0.15],
] as const
const clipsDir = join(sharedData('speech') ?? '', 'speech')
const isThere = (file: string) => existsSync(join(clipsDir, file))
// in CI nothing may be skipped, and there is nothing beside the repository
const clips = CLIPS.filter(([file]) => isThere(file) || process.env['CI'] !== 'true')

const OPTIONS: EngineSessionOptions = {
  channels: 1,
  sampleRate: 16_000,
  endpointingSec: 0.3,
  maxUtteranceSec: 15,
  partials: false,
  vocabulary: [],
}

function pushAll(session: EngineSession, samples: Int16Array, channels: number): void {
  const block = 1600 * channels
  for (let at = 0; at < samples.length; at += block) session.push(samples.slice(at, at + block))
}

describe.skipIf(skip)('moonshine engine', () => {
  let engine: Engine
  const speech = { clip: async (text: string, voice: string) => (await fliteClips([[voice, text]]))[0]! }
  beforeAll(async () => {
    engine = await createMoonshineEngine({ weightsDir, workers: 2, clock: systemClock, logger: silentLogger })
  })
  afterAll(async () => {
    await engine.close()
  })

  async function hear(samples: Int16Array, options: Partial<EngineSessionOptions> = {}): Promise<EngineListener> {
    const heard = new EngineListener()
    const session = engine.open({ ...OPTIONS, ...options }, heard)
    pushAll(session, samples, options.channels ?? 1)
    await session.finish()
    expect(heard.failures).toEqual([])
    return heard
  }

  test('two voices on two channels at once come back under 8 % of wrong words, a final a sentence, at its time', async () => {
    const channels = await Promise.all(
      (['rms', 'awb'] as const).map(async (voice, shift) => {
        const parts = [silence(1 + shift * 0.7)]
        const startsSec: number[] = []
        for (const clip of await fliteClips(SENTENCES.map((sentence) => [voice, sentence]))) {
          startsSec.push(parts.reduce((length, part) => length + part.length, 0) / 16_000)
          parts.push(clip, silence(1))
        }
        return { samples: concat(...parts), startsSec }
      }),
    )
    const heard = await hear(interleaved(...channels.map(({ samples }) => samples)), { channels: 2 })
    for (const [at, { startsSec }] of channels.entries()) {
      const finals = heard.finals(at)
      expect(finals).toHaveLength(SENTENCES.length)
      expect(wordErrorRate(SENTENCES.join(' '), finals.map(({ text }) => text).join(' '))).toBeLessThanOrEqual(0.08)
      for (const [sentence, final] of finals.entries()) expect(Math.abs(final.startSec - startsSec[sentence]!)).toBeLessThan(0.4)
      expect(heard.starts.filter(({ channel }) => channel === at)).toHaveLength(SENTENCES.length)
      expect(heard.ends.filter(({ channel }) => channel === at)).toHaveLength(SENTENCES.length)
    }
    for (const final of heard.finals()) {
      expect(final.words.map(({ word }) => word).join(' ')).toBe(final.text)
      expect(final.words[0]!.startSec).toBe(final.startSec)
      expect(final.words.at(-1)!.endSec).toBeCloseTo(final.endSec, 6)
      expect(final.confidence).toBeGreaterThan(0.4)
    }
  })

  for (const [file, text, limit] of clips) {
    test.skipIf(!isThere(file))(`real speech is understood: ${file}`, async () => {
      const heard = await hear(readWav(await readFile(join(clipsDir, file))))
      const got = heard.finals().map((final) => final.text)
      expect(wordErrorRate(text, got.join(' '))).toBeLessThanOrEqual(limit)
    })
  }

  test('silence, noise and a tone give no text', async () => {
    const tone = Int16Array.from({ length: 48_000 }, (_, at) => Math.round(6000 * Math.sin((2 * Math.PI * 440 * at) / 16_000)))
    const heard = await hear(interleaved(silence(6), whiteNoise(96_000, 1500, 1), concat(silence(1), tone, silence(1))), { channels: 3 })
    expect(heard.transcripts).toEqual([])
  })

  test('speech without a pause is cut at the longest length and keeps its words', async () => {
    const sentence = 'the first release was faster than we expected and our next step is to call the customer before friday'
    const heard = await hear(concat(await speech.clip(sentence, 'rms'), silence(0.5)), { maxUtteranceSec: 3 })
    const finals = heard.finals()
    expect(finals.length).toBeGreaterThan(1)
    for (const final of finals) expect(final.endSec - final.startSec).toBeLessThanOrEqual(3)
    expect(wordErrorRate(sentence, finals.map(({ text }) => text).join(' '))).toBeLessThanOrEqual(0.2)
  })

  test('partials of the growing segment come before its final, under its id', async () => {
    const sentence = 'we should move the meeting to monday afternoon because there are three people on vacation next week'
    const heard = new EngineListener()
    const session = engine.open({ ...OPTIONS, partials: true }, heard)
    const samples = concat(await speech.clip(sentence, 'rms'))
    const half = samples.slice(0, samples.length >> 1)
    const partial = deferred()
    heard.onTranscript(() => partial.resolve())
    session.push(half)
    await partial.promise
    expect(heard.finals()).toEqual([])
    session.push(concat(samples.subarray(half.length), silence(0.5)))
    await session.finish()
    const [final] = heard.finals()
    expect(heard.partials()[0]).toMatchObject({ id: final!.id, channel: 0, startSec: final!.startSec })
    expect(heard.order.at(-1)).toBe('final 0')
    expect(wordErrorRate(sentence, final!.text)).toBeLessThanOrEqual(0.15)
  })

  test('a closed session reports nothing more, and the engine goes on', async () => {
    const clip = concat(await speech.clip(SENTENCES[0]!, 'rms'), silence(0.5))
    const heard = new EngineListener()
    const session = engine.open(OPTIONS, heard)
    pushAll(session, clip, 1)
    const told = heard.order.length
    session.close()
    await session.finish()
    expect((await hear(clip)).finals()).toHaveLength(1)
    expect(heard.order).toHaveLength(told)
  })

  test('close ends the workers while a segment is being worked on', async () => {
    const own = await createMoonshineEngine({ weightsDir, clock: systemClock, logger: silentLogger })
    const heard = new EngineListener()
    const session = own.open(OPTIONS, heard)
    pushAll(session, concat(await speech.clip(SENTENCES[1]!, 'awb'), silence(0.5)), 1)
    const finished = session.finish()
    await own.close()
    await finished
    await own.close()
    expect(() => own.open(OPTIONS, heard)).toThrow('after close')
  })

  test('missing and damaged weights are one sentence each that says what to do', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weights-'))
    try {
      const open = () => createMoonshineEngine({ weightsDir: dir, clock: systemClock, logger: silentLogger })
      await expect(open()).rejects.toMatchObject({ code: 'weights_missing', message: expect.stringContaining('npm run setup') as string })
      await cp(weightsDir, dir, { recursive: true })
      await truncate(join(dir, 'decoder_model_merged.onnx'), 1_000_000)
      await expect(open()).rejects.toMatchObject({ code: 'weights_corrupt', message: expect.stringContaining('npm run setup') as string })
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
