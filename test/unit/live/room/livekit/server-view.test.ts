import { expect, test } from 'vitest'
import type { ListedParticipant } from '../../../../../src/live/room/livekit/census.js'
import { serverView } from '../../../../../src/live/room/livekit/server-view.js'

const MICROPHONE = { sid: 'M', isAudio: true, source: 2, isMuted: false }
const bot: ListedParticipant = { identity: 'scribe', name: 'Scribe', isHeard: false, isActive: true, isHidden: false, tracks: [] }
const anna: ListedParticipant = { identity: 'anna', name: 'Anna', isHeard: true, isActive: true, isHidden: false, tracks: [MICROPHONE] }
const options = { botIdentity: 'scribe', screenShareAudio: false }
const openOf = (changes: Partial<ListedParticipant>) => serverView([bot, { ...anna, ...changes }], options)?.open

test('open microphones of people are what events tell', () => {
  expect(openOf({})).toEqual([{ sid: 'M', identity: 'anna', name: 'Anna', source: 'microphone' }])
  expect(serverView([bot, anna], options)?.people).toEqual(new Set(['scribe', 'anna']))
})

test.each([
  ['another kind', { isHeard: false }],
  ['somebody who is still joining', { isActive: false }],
  ['somebody hidden', { isHidden: true }],
  ['a muted microphone', { tracks: [{ ...MICROPHONE, isMuted: true }] }],
  ['a camera', { tracks: [{ ...MICROPHONE, isAudio: false, source: 1 }] }],
  ['shared sound that nobody asked for', { tracks: [{ ...MICROPHONE, source: 4 }] }],
] as [string, Partial<ListedParticipant>][])('%s is not', (_what, changes) => {
  expect(openOf(changes)).toEqual([])
})

test('sound without a source is a microphone, and shared sound is heard when asked for', () => {
  expect(openOf({ tracks: [{ ...MICROPHONE, source: 0 }] })?.map(({ source }) => source)).toEqual(['microphone'])
  const shared = serverView([bot, { ...anna, tracks: [{ ...MICROPHONE, source: 4 }] }], { ...options, screenShareAudio: true })
  expect(shared?.open.map(({ source }) => source)).toEqual(['screenshare'])
})

test('a list without the bot is of another room', () => {
  expect(serverView([anna], options)).toBeNull()
})
