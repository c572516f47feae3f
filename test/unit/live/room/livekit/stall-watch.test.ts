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

  test('a track that has just been opened is given its time, although no other one has delivered for long', () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    expect(stalls.checkPackets(10n, 0)).toEqual([])
    expect(stalls.checkPackets(10n, 6_000)).toHaveLength(1)
    stalls.opened(bert, 10_000)
    expect(stalls.checkPackets(10n, 10_050)).toEqual([])
    expect(stalls.checkPackets(10n, 15_999)).toEqual([])
    expect(stalls.checkPackets(10n, 16_000)).toEqual([{ key: bert, stalled: 'no_packets', sinceMs: 10_000 }])
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

describe('packets of one track', () => {
  /** What the statistics say, anna's and bert's; bert has 100 more at each look. */
  const both = (packets: bigint, quietMs = Number.NaN) =>
    new Map([
      [anna, { packets, quietMs }],
      [bert, { packets: 100n * ++looks, quietMs: 20 }],
    ])
  let looks = 0n
  const watched = () => {
    const stalls = watch()
    stalls.opened(anna, 0)
    stalls.opened(bert, 0)
    return stalls
  }

  test("that stop while those of others go on are that track's stall, from the last one to the look that sees the next", () => {
    const stalls = watched()
    expect(stalls.checkPackets(1n, 1_500, both(10n))).toEqual([])
    expect(stalls.checkPackets(2n, 3_000, both(20n))).toEqual([])
    expect(stalls.checkPackets(3n, 8_900, both(20n, 6_500))).toEqual([])
    expect(stalls.isWaiting).toBe(false)
    expect(stalls.checkPackets(4n, 9_000, both(20n, 6_600))).toEqual([{ key: anna, stalled: 'no_packets', sinceMs: 2_400 }])
    expect(stalls.isWaiting).toBe(true)
    expect(stalls.checkPackets(5n, 12_000, both(20n, 9_600))).toEqual([])
    expect(stalls.checkPackets(6n, 12_500, both(21n, 100))).toEqual([{ key: anna, stalled: null, sinceMs: 12_500 }])
    expect(stalls.isWaiting).toBe(false)
  })

  test.each([
    ['unknown', Number.NaN, 1_500],
    ['before the look before, which saw some since', 9_000, 1_500],
    ['after they were seen to have stopped', 100, 3_000],
  ])('stopped between two looks, when the last one is %s', (_what, quietMs, sinceMs) => {
    const stalls = watched()
    stalls.checkPackets(1n, 1_500, both(10n))
    stalls.checkPackets(2n, 3_000, both(20n))
    expect(stalls.checkPackets(3n, 9_000, both(20n, quietMs))).toEqual([{ key: anna, stalled: 'no_packets', sinceMs }])
  })

  test('say nothing of a track that has just been opened: only the time from the first look on counts', () => {
    const stalls = watched()
    expect(stalls.checkPackets(1n, 60_000, both(10n))).toEqual([])
    expect(stalls.checkPackets(2n, 65_999, both(10n))).toEqual([])
    expect(stalls.checkPackets(3n, 66_000, both(10n))).toMatchObject([{ key: anna, stalled: 'no_packets' }])
  })

  test('say nothing of the time before an excuse, and a track that had stalled is not said to deliver before it does', () => {
    const stalls = watched()
    stalls.checkPackets(1n, 0, both(10n))
    stalls.checkPackets(2n, 6_000, both(10n))
    stalls.excuse(7_000)
    expect(stalls.checkPackets(3n, 7_500, both(10n))).toEqual([])
    expect(stalls.checkPackets(4n, 20_000, both(10n))).toEqual([])
    expect(stalls.checkPackets(5n, 20_500, both(11n))).toEqual([{ key: anna, stalled: null, sinceMs: 20_500 }])
    stalls.excuse(21_000)
    stalls.checkPackets(6n, 22_000, both(11n))
    expect(stalls.checkPackets(7n, 27_999, both(11n))).toEqual([])
  })

  test('are as old as the asking for them: an answer that is late says nothing of the time since', () => {
    const stalls = watched()
    stalls.checkPackets(1n, 0, both(10n))
    expect(stalls.checkPackets(2n, 30_000, both(10n), 5_999)).toEqual([])
    expect(stalls.checkPackets(3n, 30_000, both(10n), 6_000)).toMatchObject([{ key: anna }])
  })

  test('that the statistics lose sight of go by those of the whole connection again', () => {
    const stalls = watched()
    stalls.checkPackets(1n, 0, both(10n))
    stalls.checkPackets(2n, 6_000, both(10n))
    expect(stalls.checkPackets(3n, 6_500)).toEqual([{ key: anna, stalled: null, sinceMs: 6_500 }])
    expect(stalls.checkPackets(3n, 12_500)).toMatchObject([{ key: anna }, { key: bert }])
  })

  test('that the statistics lost sight of for one look stopped no earlier than they were seen before it', () => {
    const stalls = watched()
    for (let at = 0n; at <= 20n; at++) stalls.checkPackets(at, Number(at) * 3_000, both(at))
    expect(stalls.checkPackets(21n, 63_000)).toEqual([])
    expect(stalls.checkPackets(22n, 66_000, both(20n))).toEqual([])
    expect(stalls.checkPackets(23n, 72_000, both(20n))).toEqual([{ key: anna, stalled: 'no_packets', sinceMs: 57_000 }])
    // what was told until then is not told again
    expect(stalls.checkPackets(24n, 72_500)).toEqual([{ key: anna, stalled: null, sinceMs: 72_500 }])
    expect(stalls.checkPackets(25n, 73_000, both(20n))).toEqual([])
    expect(stalls.checkPackets(26n, 79_000, both(20n))).toEqual([{ key: anna, stalled: 'no_packets', sinceMs: 72_500 }])
  })

  test.each([
    ['unknown', Number.NaN],
    ['an hour ago, by a clock that was set', 3_600_000],
  ])('that stop again when they have only just come back stopped since the look before, when the last one is %s', (_what, quietMs) => {
    const stalls = watched()
    stalls.checkPackets(1n, 0, both(10n))
    for (let at = 1n; at <= 100n; at++) stalls.checkPackets(1n + at, Number(at) * 3_000, both(10n, quietMs))
    expect(stalls.checkPackets(102n, 300_500, both(11n))).toEqual([{ key: anna, stalled: null, sinceMs: 300_500 }])
    expect(stalls.checkPackets(103n, 306_500, both(11n, quietMs))).toEqual([{ key: anna, stalled: 'no_packets', sinceMs: 300_000 }])
  })

  test('are not asked about while there are no frames', () => {
    const stalls = watched()
    stalls.checkPackets(1n, 0, both(10n))
    stalls.frame(bert, 2_000)
    expect(stalls.checkFrames(2_000)).toMatchObject([{ key: anna, stalled: 'no_frames' }])
    expect(stalls.checkPackets(2n, 9_000, both(10n))).toEqual([])
  })
})
