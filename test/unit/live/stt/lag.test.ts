import { expect, test } from 'vitest'
import { newMeetingId, newSessionId } from '../../../../src/core/ids.js'
import { watchLag } from '../../../../src/live/stt/lag.js'
import type { SttEvents } from '../../../../src/live/stt/port.js'
import { FakeStt } from '../../../support/fake-stt.js'

const REQUEST = { meetingId: newMeetingId(), channels: 2, sampleRate: 16_000, language: null, vocabulary: [] }

test('the lag is what the open session that is furthest behind was given and has not acknowledged', () => {
  const fake = new FakeStt()
  const { stt, lagMs } = watchLag(fake)
  const ended: string[] = []
  const events: SttEvents = {
    utterance: () => undefined,
    acknowledged: () => undefined,
    gap: () => undefined,
    phase: () => undefined,
    ended: (reason) => ended.push(reason),
  }
  expect(lagMs()).toBe(0)
  for (let count = 0; count < 2; count++) stt.open({ ...REQUEST, sessionId: newSessionId() }, events)
  const [first, second] = fake.sessions
  if (!first || !second) throw new Error('two sessions')
  first.autoAcknowledge = false
  first.send(new Int16Array(2 * 16_000))
  second.send(new Int16Array(2 * 48_000))
  expect(lagMs()).toBe(1_000)
  first.acknowledge(4_000)
  expect(lagMs()).toBe(750)
  first.end('session_lost')
  expect([lagMs(), ended]).toEqual([0, ['session_lost']])
})
