import { describe, expect, it } from 'vitest'
import { parseInitRequest } from '../../../../src/speech-server/protocol/init-request.js'
import { resultOf, transcriptionOf } from '../../../../src/speech-server/protocol/job.js'
import { scriptedFinal } from '../../../support/scripted-engine.js'

describe('transcriptionOf', () => {
  it('orders utterances of all channels by start, then channel', () => {
    const finals = [
      scriptedFinal('c', 1, 5, 6, ' third'),
      scriptedFinal('b', 1, 1, 2, ' second '),
      scriptedFinal('a', 0, 1, 3, 'first'),
      scriptedFinal('d', 0, 9, 9, ''),
    ]
    const result = transcriptionOf([...finals.slice(0, 3), { ...finals[3], language: 'fr' } as (typeof finals)[0]])
    expect(result.full_transcript).toBe('first second third')
    expect(result.utterances.map(({ channel, start }) => [channel, start])).toEqual([
      [0, 1],
      [1, 1],
      [1, 5],
      [0, 9],
    ])
    expect(result.languages).toEqual(['en', 'fr'])
  })
})

describe('resultOf', () => {
  it('says of add-ons that were asked for that they are not available, and nothing of the others', () => {
    const outcome = parseInitRequest({ channels: 3, realtime_processing: { translation: true }, post_processing: { summarization: true } })
    if (!outcome.ok) throw new Error('not reached')
    const result = resultOf({ params: outcome.params, finals: [], audioSec: 10, transcriptionSec: 0.5 })
    expect(result.metadata).toEqual({ audio_duration: 10, number_of_distinct_channels: 3, billing_time: 30, transcription_time: 0.5 })
    expect(result.translation).toMatchObject({ success: false, error: { status_code: 501 }, results: null })
    expect(Object.keys(result)).toEqual(['metadata', 'transcription', 'translation', 'summarization'])
  })
})
