import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readClientMessage } from '../../../../src/speech-server/protocol/client-message.js'

const text = (value: unknown) => readClientMessage(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), false)

describe('readClientMessage', () => {
  it('binary is audio', () => {
    expect(readClientMessage(Buffer.from([1, 2]), true)).toEqual({ kind: 'audio', bytes: Buffer.from([1, 2]) })
  })

  it('base64 is audio, an empty chunk too', () => {
    expect(text({ type: 'audio_chunk', data: { chunk: 'AQI=' } })).toEqual({ kind: 'audio', bytes: Buffer.from([1, 2]) })
    expect(text({ type: 'audio_chunk', data: { chunk: '' } })).toEqual({ kind: 'audio', bytes: Buffer.alloc(0) })
  })

  it('stop_recording is a stop, whatever else it says', () => {
    expect(text({ type: 'stop_recording', data: {}, extra: 1 })).toEqual({ kind: 'stop' })
  })

  it.each([
    ['{'],
    [''],
    [null],
    [7],
    [[]],
    [{}],
    [{ type: 'ready' }],
    [{ type: 'audio_chunk' }],
    [{ type: 'audio_chunk', data: { chunk: 7 } }],
    [{ type: 'audio_chunk', data: { chunk: 'a b' } }],
    [`${'['.repeat(5000)}${']'.repeat(5000)}`],
  ])('%j is malformed and says why', (value) => {
    const message = text(value)
    expect(message.kind === 'malformed' && message.why).toEqual(expect.stringMatching(/\w/))
  })

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(['audio', 'stop', 'malformed']).toContain(readClientMessage(Buffer.from(bytes), false).kind)
        },
      ),
    )
  })
})
