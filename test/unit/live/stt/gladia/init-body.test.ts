import { describe, expect, it } from 'vitest'
import { newMeetingId, newSessionId } from '../../../../../src/core/ids.js'
import { boundVocabulary, initBody } from '../../../../../src/live/stt/gladia/init-body.js'
import { Redactor } from '../../../../../src/live/stt/gladia/redactor.js'

describe('vocabulary', () => {
  it('is trimmed, without repetitions, of at most five words an entry and a hundred entries', () => {
    expect(boundVocabulary([' Ada  Lovelace ', 'ada lovelace', '', 'one two three four five six'])).toEqual([
      'Ada Lovelace',
      'one two three four five',
    ])
    expect(boundVocabulary(Array.from({ length: 300 }, (_, at) => `name ${at}`))).toHaveLength(100)
  })

  it('stays under ten thousand characters', () => {
    const long = boundVocabulary(Array.from({ length: 100 }, (_, at) => `${at}${'x'.repeat(300)}`))
    expect(long.join('').length).toBeLessThanOrEqual(10_000)
  })

  it('is left out when there is none', () => {
    expect(
      initBody({
        meetingId: newMeetingId(),
        sessionId: newSessionId(),
        channels: 2,
        sampleRate: 16_000,
        language: 'en',
        vocabulary: ['  '],
      }),
    ).not.toHaveProperty('realtime_processing')
  })
})

describe('redaction', () => {
  it('removes the key and the address of a socket with its token, wherever they stand', () => {
    const redactor = new Redactor('secret-key')
    redactor.addUrl('wss://api.example/v2/live?token=0123-4567')
    expect(redactor.redact('x secret-key y 0123-4567 z wss://api.example/v2/live?token=0123-4567')).not.toMatch(/secret-key|0123-4567/)
  })

  it('leaves text alone when a secret is too short to be one', () => {
    expect(new Redactor('', 'a').redact('a cat')).toBe('a cat')
  })
})
