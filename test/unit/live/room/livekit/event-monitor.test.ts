import { beforeEach, describe, expect, test } from 'vitest'
import { asIdentity, type Identity } from '../../../../../src/core/ids.js'
import { EventMonitor } from '../../../../../src/live/room/livekit/event-monitor.js'
import type { OpenTrack, ServerView, Untold } from '../../../../../src/live/room/livekit/event-watch.js'
import { silentLogger } from '../../../../../src/observe/logger.js'
import { ManualClock } from '../../../../support/manual-clock.js'

const LOOK_MS = 10_000
const CONFIRM_MS = 3_000

/** A room in which events tell of everything until they do not. */
class Rig {
  readonly clock = new ManualClock(0)
  readonly reports: Untold[] = []
  readonly server = new Map<Identity, string[]>()
  readonly told = new Map<Identity, string[]>()
  /** monotonic ms of each look */
  readonly asked: number[] = []
  /** answers wait for the test */
  holds: (() => void)[] | null = null
  fails = false
  isKnown = true
  readonly monitor = new EventMonitor({
    clock: this.clock,
    logger: silentLogger,
    tunables: { lookEveryMs: LOOK_MS, confirmLookMs: CONFIRM_MS },
    ask: () => this.#answer(),
    told: () => ({ people: [...this.told.keys()], isOpen: (sid) => [...this.told.values()].flat().includes(sid) }),
    report: (untold) => this.reports.push(untold),
  })

  /** Somebody opens microphones; with events, or without. */
  async open(name: string, sids: readonly string[], isTold = true): Promise<void> {
    this.server.set(asIdentity(name), [...sids])
    if (isTold) this.told.set(asIdentity(name), [...sids])
    await this.clock.settle()
  }

  async #answer(): Promise<ServerView | null> {
    this.asked.push(this.clock.monotonicMs())
    const seen = this.#view()
    if (this.holds) await new Promise<void>((resolve) => this.holds?.push(resolve))
    if (this.fails) throw new Error('planted')
    return this.isKnown ? seen : null
  }

  #view(): ServerView {
    const open = [...this.server].flatMap(([identity, sids]) =>
      sids.map((sid): OpenTrack => ({ sid, identity, name: identity, source: 'microphone' })),
    )
    return { people: new Set(this.server.keys()), open }
  }
}

describe('the room and its events', () => {
  let rig: Rig

  beforeEach(async () => {
    rig = new Rig()
    await rig.open('anna', ['A'])
    rig.monitor.start()
  })

  test('as long as they agree it is asked for every 10 s, and nothing is told', async () => {
    await rig.clock.advance(60_000)
    expect(rig.asked).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000])
    expect(rig.reports).toEqual([])
  })

  test('a microphone that no event told is told at the second look, as missing since the last look without it', async () => {
    await rig.clock.advance(14_000)
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(8_999)
    expect(rig.reports).toEqual([])
    await rig.clock.advance(1)
    expect(rig.asked).toEqual([10_000, 20_000, 23_000])
    expect(rig.reports).toEqual([{ open: [{ sid: 'B', identity: 'bert', name: 'bert', source: 'microphone', sinceMs: 10_000 }], gone: [] }])
  })

  test('what differs at the first look of all is missing since the beginning', async () => {
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(13_000)
    expect(rig.reports.flatMap(({ open }) => open.map(({ sinceMs }) => sinceMs))).toEqual([0])
  })

  test('who has left without an event is told', async () => {
    await rig.clock.advance(14_000)
    rig.server.delete(asIdentity('anna'))
    await rig.clock.advance(9_000)
    expect(rig.reports).toEqual([{ open: [], gone: ['anna'] }])
  })

  test('an event that comes between two looks is none that is missing; nor is another difference that begins then', async () => {
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(12_000)
    await rig.open('bert', ['B'])
    await rig.open('carl', ['C'], false)
    await rig.clock.advance(1_000)
    expect(rig.asked).toEqual([10_000, 13_000])
    expect(rig.reports).toEqual([])
    await rig.open('carl', ['C'])
    await rig.clock.advance(60_000)
    expect(rig.reports).toEqual([])
  })

  test('as long as it differs it is told at each look', async () => {
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(30_000)
    expect(rig.asked).toEqual([10_000, 13_000, 20_000, 30_000])
    expect(rig.reports).toHaveLength(3)
  })

  test('a server that fails, or knows no such room, shows nothing', async () => {
    rig.fails = true
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(60_000)
    rig.fails = false
    rig.isKnown = false
    await rig.clock.advance(60_000)
    expect(rig.asked.length).toBeGreaterThan(10)
    expect(rig.reports).toEqual([])
  })

  test('it is asked for once at a time', async () => {
    rig.holds = []
    await rig.clock.advance(60_000)
    expect(rig.asked).toEqual([10_000])
  })

  test('while the connection is restored nothing is asked, what was asked before says nothing, and all begins anew afterwards', async () => {
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(10_000)
    rig.monitor.pause()
    await rig.clock.advance(20_000)
    expect(rig.asked).toEqual([10_000])
    rig.monitor.resume()
    rig.holds = []
    await rig.clock.advance(10_000)
    rig.monitor.pause()
    rig.monitor.resume()
    for (const answer of rig.holds.splice(0)) answer()
    rig.holds = null
    await rig.clock.advance(9_999)
    expect(rig.asked).toEqual([10_000, 40_000])
    await rig.clock.advance(3_001)
    expect(rig.asked).toEqual([10_000, 40_000, 50_000, 53_000])
    expect(rig.reports.flatMap(({ open }) => open.map(({ sinceMs }) => sinceMs))).toEqual([40_000])
  })

  test('stopped, it leaves no timer behind', async () => {
    await rig.open('bert', ['B'], false)
    await rig.clock.advance(11_000)
    rig.monitor.stop()
    expect(rig.clock.pending).toBe(0)
    await rig.clock.advance(60_000)
    expect(rig.asked).toEqual([10_000])
  })
})
