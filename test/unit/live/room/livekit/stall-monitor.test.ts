import type { RemoteAudioTrack } from '@livekit/rtc-node'
import { describe, expect, test } from 'vitest'
import { asIdentity, type TrackKey, trackKey } from '../../../../../src/core/ids.js'
import { StallMonitor } from '../../../../../src/live/room/livekit/stall-monitor.js'
import { DEFAULT_TUNABLES } from '../../../../../src/live/room/livekit/tunables.js'
import { silentLogger } from '../../../../../src/observe/logger.js'
import { ManualClock } from '../../../../support/manual-clock.js'

const anna = trackKey(asIdentity('anna'), 'microphone')
const bert = trackKey(asIdentity('bert'), 'microphone')

/** A connection of two open microphones, whose packets and answers are the test's. */
class Rig {
  readonly clock = new ManualClock(0)
  readonly told: string[] = []
  /** when the last packet of each track came; none comes of who is dead */
  readonly dead = new Set<string>()
  readonly counts = new Map<string, { packets: number; lastMs: number }>()
  asked = 0
  answers: 'at once' | 'late' | 'never' | 'with an error' = 'at once'
  readonly late: (() => void)[] = []
  readonly signals: AbortSignal[] = []
  knowsIds = true
  readonly monitor = new StallMonitor({
    room: { getRtcStats: () => this.#stats() } as never,
    statsIdOf: (track, signal) => {
      this.signals.push(signal)
      return this.knowsIds ? Promise.resolve((track as unknown as { name: string }).name) : new Promise(() => undefined)
    },
    clock: this.clock,
    logger: silentLogger,
    tunables: DEFAULT_TUNABLES,
    report: ({ key, stalled, sinceMs }) => this.told.push(`${key.split(':')[1] ?? ''} ${stalled ?? 'delivers'} ${sinceMs}`),
  })

  constructor() {
    for (const name of ['anna', 'bert']) {
      this.counts.set(name, { packets: 0, lastMs: 0 })
      this.open(name)
    }
    this.monitor.start()
  }

  open(name: string): void {
    this.monitor.opened(keyOf(name), { name } as unknown as RemoteAudioTrack)
  }

  /** Frames of everybody each 50 ms, made up or not, and a packet each 400 ms of whoever is alive. */
  async run(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 50) {
      await this.clock.advance(50)
      this.happen()
    }
  }

  happen(): void {
    const nowMs = this.clock.monotonicMs()
    for (const key of [anna, bert]) this.monitor.frame(key, nowMs)
    if (Math.round(nowMs) % 400 !== 0) return
    for (const [name, count] of this.counts) {
      if (this.dead.has(name)) continue
      count.packets++
      count.lastMs = this.clock.nowMs()
    }
  }

  #stats(): Promise<unknown> {
    this.asked++
    if (this.answers === 'never') return new Promise(() => undefined)
    if (this.answers === 'with an error') return Promise.reject(new Error('no statistics'))
    const subscriberStats = Array.from(this.counts, ([name, { packets, lastMs }]) => ({
      stats: {
        case: 'inboundRtp',
        value: {
          rtc: { id: `IT${name}`, timestamp: BigInt(this.clock.nowMs() * 1000) },
          stream: { kind: 'audio' },
          received: { packetsReceived: BigInt(packets) },
          inbound: { trackIdentifier: name, lastPacketReceivedTimestamp: lastMs },
        },
      },
    }))
    const answer = { publisherStats: [], subscriberStats }
    if (this.answers === 'late') return new Promise((resolve) => this.late.push(() => resolve(answer)))
    return Promise.resolve(answer)
  }
}

const keyOf = (name: string): TrackKey => (name === 'anna' ? anna : bert)

describe('packets of one person', () => {
  test('that stop for 10 s are told from the last one on, and within half a second of the next; the other person is left alone', async () => {
    const rig = new Rig()
    await rig.run(10_000)
    rig.dead.add('anna')
    await rig.run(10_000)
    rig.dead.delete('anna')
    await rig.run(3_000)
    expect(rig.told).toEqual(['anna no_packets 10000', expect.stringMatching(/^anna delivers 20[0-9]00$/)])
    const resumedMs = Number(rig.told[1]?.split(' ')[2])
    expect([resumedMs >= 20_400, resumedMs <= 20_900]).toEqual([true, true])
  })

  test('that come every 0.4 s, as of a silent microphone, are told of never', async () => {
    const rig = new Rig()
    await rig.run(120_000)
    expect(rig.told).toEqual([])
  })

  test('that stop for 2 s are not told of: they may be lost, and come again', async () => {
    const rig = new Rig()
    await rig.run(10_000)
    for (let round = 0; round < 20; round++) {
      rig.dead.add('anna')
      await rig.run(2_000)
      rig.dead.delete('anna')
      await rig.run(1_300)
    }
    expect(rig.told).toEqual([])
  })

  test('are nothing while the connection is restored, nor what was before', async () => {
    const rig = new Rig()
    await rig.run(10_000)
    rig.dead.add('anna')
    await rig.run(2_000)
    rig.monitor.pause()
    await rig.run(20_000)
    rig.monitor.resume()
    await rig.run(2_000)
    rig.dead.delete('anna')
    await rig.run(3_000)
    expect(rig.told).toEqual([])
  })

  test('are nothing of a muted microphone, and of one that is unmuted only from then on', async () => {
    const rig = new Rig()
    await rig.run(10_000)
    rig.dead.add('anna')
    rig.monitor.closed(anna)
    await rig.run(20_000)
    rig.dead.delete('anna')
    rig.open('anna')
    await rig.run(10_000)
    expect(rig.told).toEqual([])
  })

  test.each(['never', 'with an error'] as const)('of which the library answers %s are not known to have stopped', async (answers) => {
    const rig = new Rig()
    await rig.run(10_000)
    rig.answers = answers
    rig.dead.add('anna')
    await rig.run(20_000)
    rig.dead.delete('anna')
    rig.answers = 'at once'
    await rig.run(10_000)
    expect(rig.told).toEqual([])
  })

  test('are asked for again when the library has not answered for 10 s', async () => {
    const rig = new Rig()
    await rig.run(10_000)
    rig.answers = 'never'
    await rig.run(2_000)
    rig.answers = 'at once'
    await rig.run(11_000)
    rig.dead.add('anna')
    await rig.run(10_000)
    expect(rig.told).toEqual(['anna no_packets 22800'])
  })

  test("are nobody's while this process stood still: its own looks are late, whatever they say", async () => {
    const rig = new Rig()
    // up to a look
    await rig.run(10_500)
    // nothing is taken in, no timer runs; then everything at once, the look before what it would see
    rig.clock.stall(9_000)
    await rig.run(10_000)
    expect(rig.told).toEqual([])
  })
})

test('an answer that comes late says nothing of the time since it was asked for', async () => {
  const rig = new Rig()
  await rig.run(10_450)
  rig.dead.add('anna')
  await rig.run(100)
  rig.answers = 'late'
  await rig.run(1_450)
  expect(rig.late).toHaveLength(1)
  rig.dead.delete('anna')
  await rig.run(4_000)
  rig.answers = 'at once'
  rig.late[0]?.()
  await rig.run(5_000)
  expect(rig.told).toEqual([])
})

test('as long as it is not known which packets are whose, those of the whole connection count', async () => {
  const rig = new Rig()
  rig.knowsIds = false
  await rig.run(10_000)
  rig.dead.add('anna')
  await rig.run(10_000)
  expect(rig.told).toEqual([])
  rig.dead.add('bert')
  await rig.run(10_000)
  expect(rig.told.map((line) => line.split(' ').slice(0, 2))).toEqual([
    ['anna', 'no_packets'],
    ['bert', 'no_packets'],
  ])
})

test('whose packets are whose is asked once at a time, and not of a track that has ended, nor after the end', async () => {
  const rig = new Rig()
  rig.knowsIds = false
  await rig.run(10_000)
  expect(rig.signals.map(({ aborted }) => aborted)).toEqual([false, false])
  rig.monitor.closed(anna)
  expect(rig.signals.map(({ aborted }) => aborted)).toEqual([true, false])
  rig.monitor.stop()
  expect(rig.signals.map(({ aborted }) => aborted)).toEqual([true, true])
  expect(rig.clock.pending).toBe(0)
})

test('once a person is without packets they are asked for every half second, else every 1.5 s', async () => {
  const rig = new Rig()
  await rig.run(15_000)
  expect(rig.asked).toBe(10)
  rig.dead.add('anna')
  await rig.run(15_000)
  const asked = rig.asked
  await rig.run(3_000)
  expect(rig.asked - asked).toBeGreaterThanOrEqual(6)
})
