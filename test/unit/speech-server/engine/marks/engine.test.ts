import { describe, expect, test } from 'vitest'
import { InputError } from '../../../../../src/core/errors.js'
import { createMarksEngine } from '../../../../../src/speech-server/engine/marks/engine.js'
import type { EngineSession, EngineSessionOptions } from '../../../../../src/speech-server/engine/port.js'
import { EngineListener, interleaved } from '../../../../support/engine-listener.js'
import { concat, silence, turn } from '../../../../support/marks-audio.js'

const OPTIONS: EngineSessionOptions = {
  channels: 1,
  sampleRate: 16_000,
  endpointingSec: 0.3,
  maxUtteranceSec: 15,
  partials: false,
  vocabulary: [],
}

function open(options: Partial<EngineSessionOptions> = {}): { session: EngineSession; heard: EngineListener } {
  const heard = new EngineListener()
  return { session: createMarksEngine().open({ ...OPTIONS, ...options }, heard), heard }
}

function pushAll(session: EngineSession, samples: Int16Array, channels = 1): void {
  const block = 1600 * channels
  for (let at = 0; at < samples.length; at += block) session.push(samples.slice(at, at + block))
}

const markText = (who: number, n: number, count: number): string => Array.from({ length: count }, (_, at) => `w${who}n${n + at}`).join(' ')

describe('marks engine', () => {
  test('a pause ends an utterance, its words carry the heard times', async () => {
    const { session, heard } = open()
    pushAll(session, concat(silence(1), turn(3, 10, 5), silence(0.8), turn(3, 19, 2), silence(0.8)))
    expect(heard.finals().map((final) => final.text)).toEqual([markText(3, 10, 5), markText(3, 19, 2)])
    const [first] = heard.finals()
    expect(first).toMatchObject({ id: '00-00000000', channel: 0, language: 'en', isFinal: true })
    expect(first!.startSec).toBeCloseTo(1.004, 2)
    expect(first!.endSec).toBeCloseTo(1.956, 2)
    expect(first!.words.map((word) => word.startSec)).toEqual(first!.words.map((_, at) => expect.closeTo(1.004 + 0.2 * at, 2) as number))
    expect(first!.confidence).toBe(1)
    expect(heard.order).toEqual(['start 0', 'end 0', 'final 0', 'start 0', 'end 0', 'final 0'])
    await session.finish()
    expect(heard.transcripts).toHaveLength(2)
  })

  test('one lost mark of 200 ms is no pause of 0.3 s, two are', async () => {
    const { session, heard } = open()
    pushAll(session, concat(turn(1, 0, 2), silence(0.2), turn(1, 3, 2), silence(0.4), turn(1, 7, 1)))
    await session.finish()
    expect(heard.finals().map((final) => final.text)).toEqual([`${markText(1, 0, 2)} ${markText(1, 3, 2)}`, 'w1n7'])
  })

  test('the final comes when the pause has been heard, not before', () => {
    const { session, heard } = open()
    session.push(concat(turn(1, 0, 2), silence(0.25)))
    expect(heard.finals()).toHaveLength(0)
    session.push(silence(0.15))
    expect(heard.finals()).toHaveLength(1)
  })

  test('an utterance is cut at its longest length without losing a mark', async () => {
    const { session, heard } = open({ maxUtteranceSec: 3 })
    pushAll(session, turn(5, 100, 40))
    await session.finish()
    expect(
      heard
        .finals()
        .map((final) => final.text)
        .join(' '),
    ).toBe(markText(5, 100, 40))
    for (const final of heard.finals()) expect(final.endSec - final.startSec).toBeLessThanOrEqual(3)
    expect(heard.finals().length).toBe(3)
  })

  test('partials grow under the id of their final, about each 0.4 s of audio', async () => {
    const { session, heard } = open({ partials: true })
    pushAll(session, concat(turn(2, 50, 10), silence(0.6)))
    await session.finish()
    const final = heard.finals()[0]!
    const partials = heard.partials()
    expect(partials.length).toBeGreaterThanOrEqual(4)
    expect(partials.length).toBeLessThanOrEqual(6)
    for (const partial of partials) {
      expect(partial.id).toBe(final.id)
      expect(final.text.startsWith(partial.text)).toBe(true)
    }
    expect(heard.order.at(-1)).toBe('final 0')
  })

  test('without partials asked for there are none', async () => {
    const { session, heard } = open()
    pushAll(session, turn(2, 50, 10))
    await session.finish()
    expect(heard.partials()).toEqual([])
  })

  test('channels are heard apart', async () => {
    const { session, heard } = open({ channels: 3 })
    const samples = interleaved(turn(1, 0, 6), concat(silence(0.2), turn(2, 1, 4)), silence(1))
    pushAll(session, samples, 3)
    await session.finish()
    expect(heard.finals().map(({ channel, text, id }) => ({ channel, text, id }))).toEqual([
      { channel: 0, text: markText(1, 0, 6), id: '00-00000000' },
      { channel: 1, text: markText(2, 1, 4), id: '01-00000000' },
    ])
  })

  test('finish reports what is still open, and a second one nothing', async () => {
    const { session, heard } = open()
    session.push(turn(7, 7, 3))
    await session.finish()
    await session.finish()
    expect(heard.finals().map((final) => final.text)).toEqual([markText(7, 7, 3)])
    expect(() => session.push(silence(0.1))).toThrow('push when finished')
  })

  test('no event follows a close, not even from within a listener', async () => {
    const { session, heard } = open({ channels: 2 })
    heard.onTranscript(() => session.close())
    session.push(interleaved(concat(turn(1, 0, 2), silence(0.6)), concat(turn(2, 0, 2), silence(0.6))))
    await session.finish()
    expect(heard.order).toEqual(['start 0', 'end 0', 'final 0'])
  })

  test('options that make no sense and broken frames are refused', async () => {
    expect(() => open({ sampleRate: 8000 })).toThrow(InputError)
    expect(() => open({ channels: 0 })).toThrow(InputError)
    expect(() => open({ endpointingSec: 0 })).toThrow(InputError)
    expect(() => open({ channels: 2 }).session.push(new Int16Array(3))).toThrow(RangeError)
    const engine = createMarksEngine()
    await engine.close()
    expect(() => engine.open(OPTIONS, new EngineListener())).toThrow('after close')
  })
})
