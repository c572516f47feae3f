import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distortTranscript, shuffled, withNoise } from '../../../../src/speech-server/protocol/noise.js'
import { transcriptData } from '../../../../src/speech-server/protocol/server-message.js'
import { scriptedFinal } from '../../../support/scripted-engine.js'

const quiet = { unknownMessage: false, extraFields: false, invalidJson: false, binaryMessage: false }

describe('withNoise', () => {
  it('leaves a message alone', () => {
    expect(withNoise({ type: 'x', data: 1 }, quiet)).toEqual([{ kind: 'text', text: '{"type":"x","data":1}' }])
  })

  it('puts the noise before the message', () => {
    const frames = withNoise({ type: 'x' }, { unknownMessage: true, extraFields: true, invalidJson: true, binaryMessage: true })
    expect(frames.map(({ kind }) => kind)).toEqual(['text', 'text', 'binary', 'text'])
    expect(JSON.parse(frames[3]?.kind === 'text' ? frames[3].text : '')).toMatchObject({ type: 'x', schema_version: '9.9' })
  })
})

describe('distortTranscript', () => {
  const data = transcriptData(scriptedFinal('u', 2, 10, 12, 'a b'))

  it('moves the words along with the utterance', () => {
    expect(distortTranscript(data, { timestamps: { jumpSec: 5 }, channel: { add: 1 } }, 0)).toMatchObject({
      id: 'u',
      utterance: {
        start: 15,
        end: 17,
        channel: 3,
        words: [
          { start: 15, end: 16 },
          { start: 16, end: 17 },
        ],
      },
    })
  })

  it('never changes what it was given', () => {
    const before = JSON.stringify(data)
    distortTranscript(data, { timestamps: 'beyond_audio', channel: 'missing' }, 60)
    expect(JSON.stringify(data)).toBe(before)
    expect(distortTranscript(data, { timestamps: 'exact', channel: 'exact' }, 60)).toBe(data)
  })
})

describe('shuffled', () => {
  it('keeps everything, once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat()),
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
        (items, draws) => {
          let at = 0
          expect(shuffled(items, () => draws[at++ % draws.length] ?? 0).toSorted()).toEqual(items.toSorted())
        },
      ),
    )
  })
})
