import { describe, expect, test } from 'vitest'
import { joinError, shownUrl } from '../../../../../src/live/room/livekit/join-error.js'

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJ2aWRlbyI6e30sImlzcyI6ImRldmtleSJ9.r5o35SzFaw3T_e-IAmXA4zbmJegIcWf0'
const URL_TEXT = 'ws://livekit.example:7880'

describe('joinError', () => {
  test.each([
    ['client error: 401 Unauthorized - invalid token: T, error: signature is invalid', 'livekit_unauthorized', false],
    ['client error: 401 Unauthorized - invalid API key: X', 'livekit_unauthorized', false],
    ['client error: 401 Unauthorized - permissions denied', 'livekit_unauthorized', false],
    ['client error: 400 Bad Request - no room name', 'livekit_refused', false],
    ['handshake error: 500 Internal Server Error', 'livekit_room_full', true],
    ['server error: 503 Service Unavailable', 'livekit_unreachable', true],
    ['client error: 404 Not Found', 'livekit_refused', false],
    ['transport connection error: IO error: Connection refused (os error 111)', 'livekit_unreachable', true],
    ['transport connection error: failed to lookup address information', 'livekit_unreachable', true],
    ['transport timed out', 'livekit_unreachable', true],
    ['failed to parse the url', 'livekit_refused', false],
    ['something that nobody has seen yet', 'livekit_unreachable', true],
  ])('%s: %s', (text, code, retryable) => {
    const error = joinError(new Error(`engine: signal failure: ${text.replace('T', TOKEN)}`), URL_TEXT)
    expect(error).toMatchObject({ code, retryable, service: 'livekit' })
    expect(error.message.split('. ')).toHaveLength(1)
  })

  test('no text of the error or of its cause holds the token', () => {
    const error = joinError(new Error(`client error: 401 - invalid token: ${TOKEN}`), `ws://h/?access_token=${TOKEN}`)
    const texts = [error.message, error.stack, (error.cause as Error).message, (error.cause as Error).stack]
    expect(texts.join(' ')).not.toContain('eyJ')
  })

  test('a shown address has neither user nor query', () => {
    expect(shownUrl('wss://user:pass@host:1/x?token=abc')).toBe('wss://host:1')
    expect(shownUrl('not a url')).toBe('not a url')
  })
})
