import { describe, expect, it } from 'vitest'
import { stepsAfterStop } from '../../../../src/speech-server/protocol/after-stop.js'

const facts = { afterStop: 'normal' as const, acknowledge: true, limit: false, summarization: false, chapterization: false }

describe('stepsAfterStop', () => {
  it('is the documented order', () => {
    expect(stepsAfterStop({ ...facts, summarization: true, chapterization: true })).toEqual([
      'stop_ack',
      'finals',
      'end_recording',
      'post_transcript',
      'post_summarization',
      'post_chapterization',
      'post_final_transcript',
      'mark_done',
      'end_session',
      'close_1000',
    ])
  })

  it('acknowledges only a stop that came as a message', () => {
    expect(stepsAfterStop({ ...facts, acknowledge: false })[0]).toBe('finals')
  })

  it('closes with the code of the limit when it was the limit', () => {
    expect(stepsAfterStop({ ...facts, limit: true }).at(-1)).toBe('close_limit')
  })

  it.each([
    ['close_1011' as const, ['post_transcript', 'close_1011', 'mark_done']],
    ['never_closes' as const, ['post_transcript', 'post_final_transcript', 'mark_done', 'end_session']],
    ['stays_processing' as const, ['post_transcript', 'post_final_transcript', 'end_session', 'close_1000']],
  ])('%s ends with %j', (afterStop, end) => {
    expect(stepsAfterStop({ ...facts, afterStop }).slice(3)).toEqual(end)
  })
})
