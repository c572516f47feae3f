import { describe, expect, it } from 'vitest'
import { asIdentity, asSegmentId, newSessionId } from '../../../../src/core/ids.js'
import { Journal } from '../../../../src/live/bot/journal.js'
import type { Segment } from '../../../../src/live/transcript/segment.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { Claim, StoredSegment } from '../../../../src/records/port.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'

const sessionId = newSessionId()
const segment = (n: number): Segment => ({
  id: asSegmentId(`s${n}`),
  identity: asIdentity('ann'),
  startMs: n,
  endMs: n + 1,
  text: `text ${n}`,
  words: [],
  language: 'en',
  confidence: 1,
  sessionId,
  channel: 0,
  utteranceId: `u${n}`,
  part: 0,
})

/** A store whose appends can be made to fail, and that counts them. */
class MoodyStore extends MemoryStore {
  appends = 0
  failures = 0

  override appendSegments(...args: Parameters<MemoryStore['appendSegments']>): Promise<readonly StoredSegment[]> {
    this.appends++
    if (this.failures > 0) {
      this.failures--
      return Promise.reject(new Error('away'))
    }
    return super.appendSegments(...args)
  }
}

async function rig() {
  const clock = new ManualClock()
  const store = new MoodyStore()
  const { meeting } = await store.create({
    room: 'r',
    title: null,
    language: null,
    vocabulary: [],
    slackChannel: null,
    startAt: null,
    endAt: null,
    botName: null,
  })
  const claim: Claim = await store.claim(meeting.id)
  const told: string[] = []
  let lost = 0
  const journal = new Journal(
    { store, claim, clock, logger: silentLogger, random: () => 0.5 },
    { stored: (one) => told.push(one.text), gapStored: () => undefined, claimLost: () => void lost++ },
  )
  return { clock, store, meeting, journal, told, lost: () => lost }
}

describe('Journal', () => {
  it('B3 repeats a failed write until it works, in order, and tells nobody before', async () => {
    const { clock, store, journal, told, meeting } = await rig()
    store.failures = 3
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    expect(told).toEqual([])
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
    expect(told).toEqual(['text 1', 'text 2'])
    expect((await store.segments(meeting.id)).map((one) => one.text)).toEqual(told)
    expect(await journal.close(1_000)).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('B2 asks the store for nothing more once the claim is lost, and says so once', async () => {
    const { clock, store, meeting, journal, told, lost } = await rig()
    await store.claim(meeting.id)
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    await clock.settle()
    expect([store.appends, lost(), told]).toEqual([1, 1, []])
    await journal.close(1_000)
    expect([store.appends, clock.pending]).toEqual([1, 0])
  })

  it('B3 gives up at the end after its deadline and counts what could not be written', async () => {
    const { clock, store, journal } = await rig()
    store.failures = 1_000
    journal.segments([segment(1), segment(2)])
    const closing = journal.close(5_000)
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
    expect(await closing).toBe(2)
    expect(clock.pending).toBe(0)
  })

  it('B3 refuses more segments than its bound', async () => {
    const { store, journal } = await rig()
    store.failures = 1_000
    expect(() => journal.segments(Array.from({ length: 20_001 }, (_, n) => segment(n)))).toThrow(/20000/)
  })
})
