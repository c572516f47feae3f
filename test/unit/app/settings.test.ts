import { describe, expect, it } from 'vitest'
import { livekitProblems, readSettings } from '../../../src/app/config/settings.js'

const noFiles = (path: string): string => {
  throw new Error(`no file ${path}`)
}
const read = (env: Record<string, string>, readFile = noFiles) => readSettings({ HOME: '/home/x', ...env }, readFile)

describe('settings', () => {
  it('has defaults for everything and no problems', () => {
    const { settings, problems } = read({})
    expect(problems).toEqual([])
    expect(settings).toMatchObject({ port: 8080, stt: 'local', maxMeetings: 8, logLevel: 'info' })
  })

  it('names every problem at once', () => {
    const { problems } = read({
      ROOMSCRIBE_PORT: '99999',
      LIVEKIT_URL: 'nonsense',
      ROOMSCRIBE_STT: 'whisper',
      ROOMSCRIBE_CAPTIONS: 'maybe',
    })
    expect(problems).toHaveLength(4)
    expect(problems.join('\n')).toMatch(/ROOMSCRIBE_PORT must be a whole number from 0 to 65535, not "99999"/)
  })

  it('refuses an unknown variable with our prefix and says what was meant', () => {
    expect(read({ ROOMSCRIBE_PROT: '1' }).problems).toEqual([
      'ROOMSCRIBE_PROT is not a setting of roomscribe: did you mean ROOMSCRIBE_PORT?',
    ])
  })

  it('uses Gladia when a key is set, and says so when the key is missing', () => {
    expect(read({ GLADIA_API_KEY: 'k' }).settings.stt).toBe('gladia')
    expect(read({ GLADIA_API_KEY: 'k', ROOMSCRIBE_STT: 'local' }).settings.stt).toBe('local')
    expect(read({ ROOMSCRIBE_STT: 'gladia' }).problems).toEqual(['ROOMSCRIBE_STT is gladia, but GLADIA_API_KEY is not set'])
  })

  it('reads secrets from files and prints none of them', () => {
    const { settings, problems } = read({ LIVEKIT_API_SECRET_FILE: '/run/s' }, () => 'hush\n')
    expect(problems).toEqual([])
    expect(settings.livekitApiSecret?.reveal()).toBe('hush')
    expect(JSON.stringify(settings)).not.toContain('hush')
    expect(String(settings.livekitApiSecret)).toBe('[redacted]')
  })

  it('takes a file for our own secret as well', () => {
    const { settings, problems } = read({ ROOMSCRIBE_API_KEY_FILE: '/run/k' }, () => 'from-a-file')
    expect(problems).toEqual([])
    expect(settings.apiKey?.reveal()).toBe('from-a-file')
  })

  it('does not show a wrong database address, which may carry a password', () => {
    const { problems } = read({ DATABASE_URL: 'mysql://u:hush@db/x' })
    expect(problems).toEqual(['DATABASE_URL must begin with postgres:// or postgresql://, not mysql://'])
  })

  it('refuses a secret given twice, and a file that cannot be read', () => {
    const { problems } = read({ SLACK_BOT_TOKEN: 'a', SLACK_BOT_TOKEN_FILE: '/x', GLADIA_API_KEY_FILE: '/y' })
    expect(problems.join('\n')).toMatch(/SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set/)
    expect(problems.join('\n')).toMatch(/GLADIA_API_KEY_FILE names a file that cannot be read/)
  })

  it('reads nothing but secrets from files, and says so of any other setting', () => {
    const { problems } = read({ LIVEKIT_API_KEY_FILE: '/run/k', ROOMSCRIBE_PORT_FILE: '/run/p', LIVEKIT_ELSE_FILE: '/x' }, () => 'x')
    expect(problems).toEqual([
      'LIVEKIT_API_KEY_FILE is not a setting of roomscribe: only secrets are read from files, set LIVEKIT_API_KEY itself',
      'ROOMSCRIBE_PORT_FILE is not a setting of roomscribe: only secrets are read from files, set ROOMSCRIBE_PORT itself',
    ])
  })

  it('takes as a language what the API takes', () => {
    for (const code of ['de', 'yue', '']) expect(read({ ROOMSCRIBE_LANGUAGE: code }).problems).toEqual([])
    for (const code of ['auto', 'german', 'en-US', 'EN', 'e'])
      expect(read({ ROOMSCRIBE_LANGUAGE: code }).problems).toEqual([
        `ROOMSCRIBE_LANGUAGE must be a language code of two or three letters, such as en, or empty to have it detected, not "${code}"`,
      ])
  })

  it('names each missing LiveKit setting', () => {
    expect(livekitProblems(read({ LIVEKIT_URL: 'wss://x' }).settings)).toHaveLength(2)
  })
})
