import { expect, test } from 'vitest'
import { asIdentity, asSessionId, trackKey } from '../../../../src/core/ids.js'
import { sessionTimes, speechRuns } from '../../../../src/control/api/timeline.js'

const anna = asIdentity('anna')
const bashir = asIdentity('bashir')

test('runs join what one person says with pauses of less than a second, whoever speaks between', () => {
  const names = new Map<string, string>([['anna', 'Anna']])
  const segments = [
    { identity: anna, startMs: 2_900, endMs: 4_000 },
    { identity: anna, startMs: 0, endMs: 2_000 },
    { identity: bashir, startMs: 1_000, endMs: 1_500 },
    { identity: anna, startMs: 5_000, endMs: 6_000 },
    { identity: null, startMs: 7_000, endMs: 7_500 },
  ]
  expect(speechRuns(segments, names)).toEqual([
    { identity: 'anna', name: 'Anna', fromMs: 0, toMs: 4_000 },
    { identity: 'bashir', name: 'bashir', fromMs: 1_000, toMs: 1_500 },
    { identity: 'anna', name: 'Anna', fromMs: 5_000, toMs: 6_000 },
    { identity: null, name: null, fromMs: 7_000, toMs: 7_500 },
  ])
})

test('a session lasts from the first to the last sound that it carried; one without any is left out', () => {
  const session = (id: string) => ({
    sessionId: asSessionId(id),
    vendorId: null,
    channels: 2,
    sampleRate: 16_000,
    sentFrames: 0,
    acknowledgedFrames: 0,
    endReason: 'done',
  })
  const span = (id: string, fromFrame: number, toFrame: number, meetingMs: number) => ({
    sessionId: asSessionId(id),
    channel: 0,
    fromFrame,
    toFrame,
    trackKey: trackKey(anna, 'microphone'),
    identity: anna,
    meetingMs,
  })
  expect(
    sessionTimes(
      [session('b'), session('a'), session('silent')],
      [span('b', 0, 16_000, 60_000.4), span('a', 8_000, 24_000, 500), span('a', 0, 8_000, 0.2)],
    ),
  ).toEqual([
    { session: 'a', channels: 2, fromMs: 0, toMs: 1_500, endReason: 'done' },
    { session: 'b', channels: 2, fromMs: 60_000, toMs: 61_000, endReason: 'done' },
  ])
})
