import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asSessionId } from '../../../../../src/core/ids.js'
import { parseApiError, parseCreated, parseMessage, parseResult } from '../../../../../src/live/stt/gladia/messages.js'
import { StreamMap } from '../../../../../src/live/stt/gladia/stream-map.js'
import { UtteranceBook } from '../../../../../src/live/stt/gladia/utterances.js'
import { attribute } from '../../../../../src/live/transcript/attribute.js'
import { SpanIndex } from '../../../../../src/live/transcript/span-index.js'
import { decodeLog, encodeBatch } from '../../../../../src/records/finals/batch.js'

const MAX = 100_000
const parse = (message: unknown) => parseMessage(JSON.stringify(message), MAX)
const utterance = {
  text: ' hi',
  start: 1,
  end: 2,
  channel: 0,
  language: 'en',
  confidence: 0.5,
  words: [{ word: ' hi', start: 1, end: 2, confidence: 1 }],
}
const transcript = (change: object = {}, data: object = {}) => ({
  type: 'transcript',
  data: { id: '00_1', is_final: true, utterance: { ...utterance, ...change }, ...data },
})

describe('messages of the socket', () => {
  it('acknowledgements of chunks, taken and refused', () => {
    expect(parse({ type: 'audio_chunk', acknowledged: true, error: null, data: { byte_range: [0, 8], time_range: [0, 1] } })).toEqual({
      kind: 'chunk_ack',
      range: [0, 8],
    })
    const refusal = { type: 'audio_chunk', acknowledged: false, data: null }
    expect(parse({ ...refusal, error: { message: 'quota' } })).toEqual({ kind: 'chunk_refused', status: null, message: 'quota' })
    expect(parse({ ...refusal, error: { status_code: 402, exception: 'E', message: 'x' } })).toMatchObject({
      kind: 'chunk_refused',
      status: 402,
    })
    expect(parse({ type: 'audio_chunk', acknowledged: true, data: null })).toMatchObject({ kind: 'malformed' })
    expect(parse({ type: 'audio_chunk', acknowledged: true, data: { byte_range: [0, 1.5] } })).toMatchObject({ kind: 'malformed' })
  })

  it('a refused stop is an answer too', () => {
    expect(parse({ type: 'stop_recording', acknowledged: true, data: { recording_duration: 3.5 } })).toEqual({
      kind: 'stop_ack',
      durationSec: 3.5,
    })
    expect(parse({ type: 'stop_recording', acknowledged: false, error: { message: 'already' }, data: null })).toEqual({
      kind: 'stop_ack',
      durationSec: null,
    })
  })

  it.each([undefined, null, '1', 0.5, 2 ** 31, 1e300])(
    "11 a channel that is %s is nobody's, and the log of finals gives its text back",
    (channel) => {
      const told = parse(transcript({ channel }))
      if (told.kind !== 'transcript') throw new Error('no transcript')
      expect(told.utterance).toMatchObject({ text: ' hi', channel: -1 })
      const book = new UtteranceBook(asSessionId('s'))
      const final = book.take(told.id, true, told.utterance, { map: new StreamMap(), sampleRate: 16_000, sentFrames: 48_000 })
      const segments = attribute(final!, new SpanIndex())
      expect(decodeLog(encodeBatch({ segments, spans: [] }), 1)).toMatchObject({
        batches: [{ segments: [{ text: 'hi', identity: null }] }],
        foreign: 0,
      })
    },
  )

  it('11 a channel out of range is kept as it was said', () => {
    expect(parse(transcript({ channel: 7 }))).toMatchObject({ utterance: { channel: 7 } })
    expect(parse(transcript({ channel: -3 }))).toMatchObject({ utterance: { channel: -3 } })
  })

  it('9 a wrong number, word or language of a transcript does not cost its text', () => {
    expect(parse(transcript({ start: null, end: 'x', confidence: [], language: 7 }))).toMatchObject({
      kind: 'transcript',
      utterance: { text: ' hi', start: Number.NaN, end: Number.NaN, confidence: Number.NaN, language: null },
    })
    expect(parse(transcript({ words: [3, { word: 'ok', start: 1, end: 2, confidence: 1 }, null] }))).toMatchObject({
      utterance: { words: [{ word: 'ok' }] },
    })
    expect(parse(transcript({ words: 'none' }))).toMatchObject({ utterance: { words: [] } })
    expect(parse(transcript({}, { id: 12 }))).toMatchObject({ id: '12' })
  })

  it('9 a transcript without text, id or finality is malformed', () => {
    for (const message of [
      transcript({ text: 3 }),
      transcript({}, { id: '' }),
      transcript({}, { is_final: 'yes' }),
      { type: 'transcript' },
    ]) {
      expect(parse(message)).toMatchObject({ kind: 'malformed' })
    }
  })

  it.each([
    [{ data: { code: 'session_timeout', message: 'late' } }, 'session_timeout: late'],
    [{ error: { message: 'bad' } }, 'bad'],
    [{ message: 'plain' }, 'plain'],
    [{}, ''],
  ])('errors in any shape: %j', (shape, message) => {
    expect(parse({ type: 'error', ...shape })).toEqual({ kind: 'error', message })
  })

  it('unknown types are normal', () => {
    expect(parse({ type: 'speech_start', data: 3 })).toEqual({ kind: 'other', type: 'speech_start' })
    expect(parse({ type: 'end_session' })).toEqual({ kind: 'end_session' })
  })

  it.each(['', 'null', '[]', '{"type":3}', '{', '\u0000', '"x"', '['.repeat(50_000), `{"type":"${'x'.repeat(200)}"}`])(
    '9 %.20s is malformed',
    (raw) => {
      expect(parseMessage(raw, MAX)).toMatchObject({ kind: 'malformed' })
    },
  )

  it('9 a message over the cap is not even parsed', () => {
    expect(parseMessage(JSON.stringify({ type: 'x', pad: 'y'.repeat(200) }), 100)).toEqual({ kind: 'malformed', why: 'too long' })
  })

  it('9 whatever comes, parsing does not throw', () => {
    const types = fc.constantFrom('audio_chunk', 'stop_recording', 'transcript', 'error', 'end_session', 'other')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .tuple(types, fc.jsonValue(), fc.jsonValue())
            .map(([type, data, error]) => JSON.stringify({ type, data, error, acknowledged: true })),
        ),
        (raw) => {
          expect(parseMessage(raw, MAX).kind).toBeTypeOf('string')
        },
      ),
    )
  })
})

describe('bodies of the REST calls', () => {
  it('a created session needs id and url', () => {
    expect(parseCreated({ id: 'a', url: 'wss://x/?token=1', created_at: '' })).toEqual({ id: 'a', url: 'wss://x/?token=1' })
    for (const body of [null, {}, { id: 'a' }, { id: 3, url: 'x' }]) expect(parseCreated(body)).toBeNull()
  })

  it('errors carry what validation said', () => {
    expect(parseApiError({ message: 'bad', validation_errors: ['channels', 'rate'] })).toBe('bad; channels; rate')
    expect(parseApiError({ message: ['a', 'b'] })).toBe('["a","b"]')
    expect(parseApiError('no')).toBe('')
  })

  it('results keep what can be read of them', () => {
    const body = {
      status: 'done',
      result: { metadata: { audio_duration: 2.5 }, transcription: { utterances: [utterance, { text: 1 }, { ...utterance, id: 'u1' }] } },
    }
    expect(parseResult(body)).toMatchObject({
      status: 'done',
      audioDurationSec: 2.5,
      utterances: [{ id: null }, { id: 'u1' }],
      malformed: 1,
    })
    expect(parseResult({ status: 'processing', result: null })).toMatchObject({
      status: 'processing',
      utterances: null,
      audioDurationSec: null,
    })
    expect(parseResult({ status: 'new' })).toMatchObject({ status: 'processing' })
    expect(parseResult([])).toBeNull()
  })
})
