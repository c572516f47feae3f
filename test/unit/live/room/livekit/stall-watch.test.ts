import { describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../../src/core/ids.js'
import { StallWatch } from '../../../../../src/live/room/livekit/stall-watch.js'

const anna = trackKey(asIdentity('anna'), 'microphone')
const bert = trackKey(asIdentity('bert'), 'microphone')
const watch = () => new StallWatch({ noFramesMs: 2_000, noPacketsMs: 6_000 })

describe('frames', () => {
  test('a stream without frames is reported once, and its next frame says that it resumed', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.opened(bert, 0)
    expect(stalls.frame(bert, 1_900)).toBe(false)
    expect(stalls.checkFrames(1_999)).toEqual([])
    expect(stalls.checkFrames(2_000)).toEqual([{ key: anna, stalled: 'no_frames', sinceMs: 0 }])
    expect(stalls.checkFrames(2_500)).toEqual([])
    expect(stalls.frame(anna, 2_600)).toBe(true)
    expect(stalls.frame(anna, 2_650)).toBe(false)
  })

  test('a closed stream is expected to be silent', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.closed(anna)
    expect(stalls.checkFrames(60_000)).toEqual([])
    expect(stalls.frame(anna, 60_000)).toBe(false)
  })

  test('an excuse starts the time anew', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.excuse(20_000)
    expect(stalls.checkFrames(21_999)).toEqual([])
    expect(stalls.checkFrames(22_000)).toHaveLength(1)
  })
})

describe('packets', () => {
  test('without any packet of any track all open tracks stall, though frames come; any packet resumes all', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.opened(bert, 0)
    expect(stalls.checkPackets(10n, 0)).toEqual([])
    expect(stalls.checkPackets(11n, 3_000)).toEqual([])
    expect(stalls.checkPackets(11n, 8_999)).toEqual([])
    // the last packet came somewhere between the look before and the one that saw it
    expect(stalls.checkPackets(11n, 9_000)).toEqual([
      { key: anna, stalled: 'no_packets', sinceMs: 0 },
      { key: bert, stalled: 'no_packets', sinceMs: 0 },
    ])
    expect(stalls.frame(anna, 9_050)).toBe(false)
    expect(stalls.checkPackets(11n, 12_000)).toEqual([])
    expect(stalls.checkPackets(12n, 15_000)).toEqual([
      { key: anna, stalled: null, sinceMs: 15_000 },
      { key: bert, stalled: null, sinceMs: 15_000 },
    ])
  })

  test('a track without frames is not reported a second time', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.checkPackets(1n, 0)
    stalls.checkFrames(2_000)
    expect(stalls.checkPackets(1n, 6_000)).toEqual([])
  })

  test('the time in which no stream was open does not count', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.checkPackets(1n, 0)
    stalls.closed(anna)
    stalls.opened(anna, 60_000)
    expect(stalls.checkPackets(1n, 60_000)).toEqual([])
    expect(stalls.checkPackets(1n, 63_000)).toEqual([])
  })
})
