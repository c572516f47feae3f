import { describe, expect, it } from 'vitest'
import { audioFormat, parseInitRequest, unsupported, vocabularyOf } from '../../../../src/speech-server/protocol/init-request.js'

function parsed(body: unknown) {
  const outcome = parseInitRequest(body)
  if (!outcome.ok) throw new Error(outcome.problems.join('; '))
  return outcome.params
}
const problems = (body: unknown) => {
  const outcome = parseInitRequest(body)
  return outcome.ok ? [] : outcome.problems
}

describe('parseInitRequest', () => {
  it('fills in every documented default', () => {
    expect(parsed({})).toMatchObject({
      encoding: 'wav/pcm',
      bit_depth: 16,
      sample_rate: 16_000,
      channels: 1,
      model: 'solaria-1',
      endpointing: 0.05,
      maximum_duration_without_endpointing: 5,
      language_config: { languages: [], code_switching: false },
      pre_processing: { audio_enhancer: false, speech_threshold: 0.6 },
      realtime_processing: { custom_vocabulary: false, translation: false, named_entity_recognition: false, sentiment_analysis: false },
      post_processing: { summarization: false, chapterization: false },
      messages_config: {
        receive_partial_transcripts: false,
        receive_final_transcripts: true,
        receive_speech_events: true,
        receive_pre_processing_events: true,
        receive_realtime_processing_events: true,
        receive_post_processing_events: true,
        receive_acknowledgments: true,
        receive_errors: true,
        receive_lifecycle_events: false,
      },
      callback: false,
    })
  })

  it('fills in the other defaults of callback_config', () => {
    expect(parsed({ callback_config: { url: 'https://a.example/x' } }).callback_config).toMatchObject({
      receive_final_transcripts: true,
      receive_speech_events: false,
      receive_acknowledgments: false,
      receive_errors: false,
      receive_lifecycle_events: true,
    })
  })

  it.each([
    ['channels', 1, 8, 0, 9],
    ['endpointing', 0.01, 10, 0.009, 10.1],
    ['maximum_duration_without_endpointing', 5, 60, 4.9, 61],
  ])('%s goes from %d to %d', (field, least, most, below, above) => {
    expect([least, most].flatMap((value) => problems({ [field]: value }))).toEqual([])
    expect([below, above].map((value) => problems({ [field]: value })[0]?.split(':')[0])).toEqual([field, field])
  })

  it.each([
    ['channels', 1.5],
    ['sample_rate', 22_050],
    ['sample_rate', '16000'],
    ['bit_depth', 12],
    ['encoding', 'mp3'],
    ['model', ''],
    ['language_config', { languages: ['xx'] }],
    ['language_config', { languages: 'en' }],
    ['pre_processing', { speech_threshold: 2 }],
    ['realtime_processing', { custom_vocabulary_config: {} }],
    ['realtime_processing', { custom_vocabulary_config: { vocabulary: [{ value: 'x', intensity: 2 }] } }],
    ['realtime_processing', { translation_config: { target_languages: [] } }],
    ['post_processing', { summarization_config: { type: 'long' } }],
    ['callback_config', { url: 'not an address' }],
    ['custom_metadata', { text: 'x'.repeat(2000) }],
  ])('%s: %j is a problem at that field', (field, value) => {
    const found = problems({ [field]: value })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(new RegExp(`^${field}[.:]`))
  })

  it('tells all problems at once', () => {
    expect(problems({ channels: 0, encoding: 'x', messages_config: { receive_errors: 1 } })).toHaveLength(3)
  })

  it('ignores unknown fields', () => {
    expect(parsed({ words_accurate_timestamps: true })).not.toHaveProperty('words_accurate_timestamps')
  })

  it('companded audio has 8 bits, said or unsaid, and no other depth', () => {
    expect(audioFormat(parsed({ encoding: 'wav/alaw' })).bitDepth).toBe(8)
    expect(audioFormat(parsed({ encoding: 'wav/ulaw', bit_depth: 8 })).bitDepth).toBe(8)
    expect(problems({ encoding: 'wav/ulaw', bit_depth: 16 })).toEqual(['bit_depth: must be 8 for wav/alaw and wav/ulaw'])
  })

  it('callbacks are well-formed and unsupported', () => {
    expect(unsupported(parsed({ callback: true }))).toHaveLength(1)
    expect(unsupported(parsed({}))).toEqual([])
  })

  it('vocabulary counts only when it is switched on', () => {
    const config = { vocabulary: ['Ada', { value: 'Grace', intensity: 0.4 }] }
    expect(vocabularyOf(parsed({ realtime_processing: { custom_vocabulary: true, custom_vocabulary_config: config } }))).toEqual([
      'Ada',
      'Grace',
    ])
    expect(vocabularyOf(parsed({ realtime_processing: { custom_vocabulary_config: config } }))).toEqual([])
  })
})
