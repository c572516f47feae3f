import { describe, expect, test } from 'vitest'
import { deferred, type Deferred } from '../../../../src/core/deferred.js'
import { UpstreamError } from '../../../../src/core/errors.js'
import { newSessionId } from '../../../../src/core/ids.js'
import { MAX_WAITING, MEMORY_SEGMENTS } from '../../../../src/live/bot/finals-keeper.js'
import { Journal } from '../../../../src/live/bot/journal.js'
import type { Gap, Span } from '../../../../src/live/audio/span.js'
import type { Segment } from '../../../../src/live/transcript/segment.js'
import { silentLogger, type Logger } from '../../../../src/observe/logger.js'
import type { Claim, StoredSegment } from '../../../../src/records/port.js'
import { FakeFinals } from '../../../support/fake-finals.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { gapFrom, requestFor, segmentOf, sessionWith, spanOf } from '../../../support/records.js'

const session = newSessionId()

/** A store that is away while it is told so, and counts what it is asked. */
class AwayStore extends MemoryStore {
  isAway = false
  /** appends that wait for the test to let them pass; null: none has to */
  waiting: Deferred[] | null = null
  appends: number[] = []
  /** by utterance, in the order of storing */
  readonly stored = new Map<string, Segment>()

  override appendSegments(claim: Claim, segments: readonly Segment[], spans: readonly Span[] = []): Promise<readonly StoredSegment[]> {
    this.appends.push(segments.length)
    return this.#or(async () => {
      if (this.waiting) {
        const pass = deferred()
        this.waiting.push(pass)
        await pass.promise
      }
      await super.saveSpans(claim, spans)
      for (const segment of segments) if (!this.stored.has(segment.utteranceId)) this.stored.set(segment.utteranceId, segment)
      return []
    })
  }
  override saveSpans(...args: Parameters<MemoryStore['saveSpans']>): Promise<void> {
    return this.#or(() => super.saveSpans(...args))
  }
  override appendGaps(...args: Parameters<MemoryStore['appendGaps']>): Promise<void> {
    return this.#or(() => super.appendGaps(...args))
  }
  override saveSession(...args: Parameters<MemoryStore['saveSession']>): Promise<void> {
    return this.#or(() => super.saveSession(...args))
  }
  override saveParticipants(...args: Parameters<MemoryStore['saveParticipants']>): Promise<void> {
    return this.#or(() => super.saveParticipants(...args))
  }

  #or<T>(work: () => Promise<T>): Promise<T> {
    if (this.isAway) return Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    return work()
  }
}

async function rig(logs: FakeFinals | null = new FakeFinals()) {
  const clock = new ManualClock()
  const store = new AwayStore()
  const { meeting } = await store.create(requestFor('r'))
  const claim = await store.claim(meeting.id)
  const told: number[] = []
  const lines: string[] = []
  const logger: Logger = {
    ...silentLogger,
    info: (_, message) => lines.push(`info ${message}`),
    warn: (_, message) => lines.push(`warn ${message}`),
    error: (_, message) => lines.push(`error ${message}`),
  }
  const journal = new Journal(
    { store, logs, claim, clock, logger, random: () => 0.5 },
    { stored: (one) => told.push(one.startMs / 1000), gapStored: () => undefined, claimLost: () => undefined },
  )
  await journal.open()
  const stored = () => [...store.stored.values()].map(({ startMs }) => startMs / 1000)
  const say = async (from: number, count: number, at = 50) => {
    for (let n = from; n < from + count; n += at) {
      journal.segments(Array.from({ length: Math.min(at, from + count - n) }, (_, index) => segmentOf(session, n + index)))
      await clock.settle()
    }
  }
  return { clock, store, meeting, journal, told, lines, stored, say }
}
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('41 a store that is away', () => {
  test('41 K2 more than memory holds waits on the disk, everything is told at once, and is stored in order afterwards', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal, told, stored, say } = await rig(logs)
    store.isAway = true
    const count = MEMORY_SEGMENTS + 1_500
    await say(0, count)
    await clock.advance(600_000)
    expect(told).toEqual(upTo(count))
    store.isAway = false
    store.appends = []
    await clock.advance(3_000)
    expect(stored()).toEqual(upTo(count))
    // so many at a time: 500 a statement
    expect(store.appends.length).toBeLessThanOrEqual(count / 500 + 1)
    // what comes now goes the short way again, and the log may forget
    await say(count, 1)
    await clock.advance(100)
    expect([stored(), logs.kept.length]).toEqual([upTo(count + 1), 0])
    expect(await journal.close(1_000)).toBe(0)
    expect([clock.pending, logs.closed]).toEqual([0, [false]])
  })

  test('41 K2 what is said while memory and disk are given to the store comes after them', async () => {
    const { clock, store, stored, say } = await rig()
    store.isAway = true
    const count = MEMORY_SEGMENTS + 1_000
    await say(0, count)
    store.isAway = false
    // one statement at a time, and somebody speaks between any two
    const waiting: Deferred[] = []
    store.waiting = waiting
    await clock.advance(3_000)
    let said = count
    for (; waiting.length > 0 && said < count + 200; said += 7) {
      waiting.shift()?.resolve()
      await say(said, 7, 7)
      await clock.advance(100)
    }
    store.waiting = null
    for (const one of waiting) one.resolve()
    await clock.advance(2_000)
    expect(stored()).toEqual(upTo(said))
  })

  test('41 K2 finals that only the disk had are stored after what they must not be without, be it that memory has it, or the disk alone', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal, say } = await rig(logs)
    store.isAway = true
    await say(0, MEMORY_SEGMENTS)
    journal.gap(gapFrom(100))
    journal.session({ ...sessionWith(session, 800), endReason: 'session_lost' })
    journal.span(spanOf(session, 0, 800))
    await say(MEMORY_SEGMENTS, 100)
    expect(logs.kept.filter(({ gaps = [], sessions = [], spans }) => gaps.length + sessions.length + spans.length === 3)).toHaveLength(1)
    // more than memory has room for
    for (let n = 0; n < 20_000; n++) journal.gap(gapFrom(1_000 + n))
    await say(MEMORY_SEGMENTS + 100, 1)
    store.isAway = false
    const gate = deferred()
    const spilled: (readonly unknown[])[] = []
    const { appendSegments } = store
    store.appendSegments = async (claim, segments, spans) => {
      const isOf = (n: number) => segments.some(({ utteranceId }) => utteranceId === `utterance ${n}`)
      if (isOf(MEMORY_SEGMENTS - 1)) journal.gap(gapFrom(50))
      if (isOf(MEMORY_SEGMENTS)) {
        const [gaps, sessions] = [await store.gaps(meeting.id), await store.sessions(meeting.id)]
        spilled.push([gaps.length, sessions.map(({ endReason }) => endReason), spans])
        gate.resolve()
      }
      return appendSegments.call(store, claim, segments, spans)
    }
    await clock.advance(3_000)
    await gate.promise
    expect(spilled[0]).toEqual([20_002, [null], [spanOf(session, 0, 800)]])
    await clock.advance(10_000)
    expect((await store.sessions(meeting.id)).map(({ endReason }) => endReason)).toEqual(['session_lost'])
    expect(await journal.close(1_000)).toBe(0)
  })

  test('41 a final is not held up by thousands of spans in one statement', async () => {
    const { clock, store, journal, say } = await rig()
    store.isAway = true
    for (let n = 0; n < 5_000; n++) journal.span(spanOf(session, n * 800, n * 800 + 400))
    store.isAway = false
    const counts: number[] = []
    const { appendSegments } = store
    store.appendSegments = (claim, segments, spans) => {
      counts.push(spans?.length ?? 0)
      return appendSegments.call(store, claim, segments, spans)
    }
    await say(0, 1)
    await clock.advance(50)
    expect(counts.every((count) => count <= 2_000)).toBe(true)
    expect(counts).toHaveLength(1)
    await journal.close(1_000)
  })

  test('41 K2 a final on its way to the disk is not forgotten by the end of the reading', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal, stored, say } = await rig(logs)
    store.isAway = true
    const count = MEMORY_SEGMENTS + 100
    await say(0, count)
    const gate = deferred()
    logs.gate = gate.promise
    await say(count, 1)
    store.isAway = false
    await clock.advance(5_000)
    expect(stored()).toEqual(upTo(count))
    gate.resolve()
    await clock.advance(1_000)
    expect(stored()).toEqual(upTo(count + 1))
    expect(await journal.close(1_000)).toBe(0)
  })

  test('41 a meeting that ends before the store is back leaves everything in the log and says how much', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal, say } = await rig(logs)
    store.isAway = true
    await say(0, MEMORY_SEGMENTS + 100)
    const closing = journal.close(5_000)
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
    expect([await closing, logs.closed]).toEqual([MEMORY_SEGMENTS + 100, [true]])
    expect(logs.kept.flatMap(({ segments }) => segments)).toHaveLength(MEMORY_SEGMENTS + 100)
    expect(clock.pending).toBe(0)
  })

  test('41 gaps, spans, people and sessions wait too, and each is stored once', async () => {
    const { clock, store, meeting, journal } = await rig()
    store.isAway = true
    const gaps: Gap[] = []
    for (let n = 0; n < 3_000; n++) {
      gaps.push(gapFrom(n))
      journal.gap(gapFrom(n))
      journal.span(spanOf(session, n * 100, n * 100 + 50))
      journal.session(sessionWith(session, n))
    }
    journal.participants([])
    await clock.advance(600_000)
    store.isAway = false
    await clock.advance(3_000)
    expect(await store.gaps(meeting.id)).toEqual(gaps)
    expect(await store.spans(meeting.id)).toHaveLength(3_000)
    expect(await store.sessions(meeting.id)).toEqual([{ ...sessionWith(session, 2_999), epoch: 1 }])
    await journal.close(1_000)
    expect(clock.pending).toBe(0)
  })

  test('41 spans beyond their bound go to the disk, and come back to the store', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal } = await rig(logs)
    store.isAway = true
    for (let n = 0; n < 25_000; n++) journal.span(spanOf(session, n * 100, n * 100 + 50))
    await clock.advance(1_000)
    expect(logs.kept.flatMap(({ spans }) => spans).length).toBeGreaterThanOrEqual(5_000)
    store.isAway = false
    await clock.advance(10_000)
    expect(await store.spans(meeting.id)).toHaveLength(25_000)
    expect(await journal.close(1_000)).toBe(0)
  })

  test('41 spans on their way to the disk are not cut off by the store coming back', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal, say } = await rig(logs)
    // a final is on its way to the store
    store.waiting = []
    await say(0, 1)
    await clock.advance(100)
    const disk = deferred()
    logs.gate = disk.promise
    for (let n = 0; n < 25_000; n++) journal.span(spanOf(session, n * 100, n * 100 + 50))
    await clock.settle()
    // the store takes the final before the disk has the spans
    for (const one of store.waiting) one.resolve()
    store.waiting = null
    await clock.settle()
    disk.resolve()
    await clock.advance(20_000)
    expect(await store.spans(meeting.id)).toHaveLength(25_000)
    expect(await journal.close(1_000)).toBe(0)
    expect([clock.pending, logs.closed]).toEqual([0, [false]])
  })

  test('41 spans on their way to the disk behind a final are not cut off when the store has that final', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal, say } = await rig(logs)
    const other = newSessionId()
    const [final, spans] = [deferred(), deferred()]
    logs.gate = final.promise
    store.waiting = []
    await say(0, 1)
    for (let n = 0; n < 25_000; n++) journal.span(spanOf(other, n * 100, n * 100 + 50))
    await clock.settle()
    logs.gate = spans.promise
    final.resolve()
    await clock.settle()
    for (; store.waiting.length > 0; await clock.settle()) store.waiting.shift()?.resolve()
    store.waiting = null
    spans.resolve()
    await clock.advance(20_000)
    expect(await store.spans(meeting.id)).toHaveLength(25_000)
    expect(await journal.close(1_000)).toBe(0)
  })

  test('41 K2 spans that the disk refuses on their way there hold nothing up', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal, say } = await rig(logs)
    store.isAway = true
    await say(0, 1)
    const disk = deferred()
    logs.gate = disk.promise
    logs.refusal = new Error('ENOSPC')
    for (let n = 0; n < 20_001; n++) journal.span(spanOf(session, n * 100, n * 100 + 50))
    await clock.settle()
    disk.resolve()
    await clock.settle()
    store.isAway = false
    await clock.advance(20_000)
    expect(await store.spans(meeting.id)).toHaveLength(20_001)
    expect(await journal.close(1_000)).toBe(0)
    expect([logs.storedCalls > 0, logs.closed]).toEqual([true, [false]])
  })

  test('34 K5 finals that the disk does not give back are counted, also with some in memory and on their way there', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal, told, lines, stored, say } = await rig(logs)
    store.isAway = true
    await say(0, MEMORY_SEGMENTS - 50)
    const disk = deferred()
    logs.gate = disk.promise
    await say(MEMORY_SEGMENTS - 50, 50)
    await say(MEMORY_SEGMENTS, 400)
    disk.resolve()
    await clock.settle()
    expect(told).toEqual(upTo(MEMORY_SEGMENTS + 400))
    // 50 that memory has as well are read, then 100 that only the disk has, and no further
    const lastOf = ({ segments }: { segments: readonly Segment[] }) => (segments.at(-1)?.startMs ?? 0) / 1000
    logs.damagedFrom = logs.kept.findIndex((batch) => lastOf(batch) >= MEMORY_SEGMENTS + 100)
    store.isAway = false
    await clock.advance(5_000)
    const given = stored().length
    expect(stored()).toEqual(upTo(given))
    await say(MEMORY_SEGMENTS + 400, 1)
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([expect.stringContaining('are lost on this disk')])
    expect(await journal.close(1_000)).toBe(MEMORY_SEGMENTS + 400 - given)
    expect(stored()).toEqual([...upTo(given), MEMORY_SEGMENTS + 400])
  })

  test('a span is logged again only when it has grown', async () => {
    const logs = new FakeFinals()
    const { store, journal, say } = await rig(logs)
    store.isAway = true
    for (let n = 0; n < 100; n++) journal.span(spanOf(session, n * 100, n * 100 + 50))
    await say(0, 3, 1)
    journal.span(spanOf(session, 9_900, 9_990))
    await say(3, 1)
    expect(logs.appended.map(({ spans }) => spans.length)).toEqual([100, 0, 0, 1])
  })

  test('K4 it is told once when it goes, once when it stays away, and once when it is back', async () => {
    const { clock, store, lines, say } = await rig()
    store.isAway = true
    await say(0, 10)
    await clock.advance(600_000)
    store.isAway = false
    await clock.advance(5_000)
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'error', 'info'])
  })
})

describe('33 a disk that refuses', () => {
  test('33 K3 while it refuses, finals go to the store alone; it is told once, and used again without a restart', async () => {
    const logs = new FakeFinals()
    const { clock, told, lines, stored, say } = await rig(logs)
    logs.refusal = new Error('ENOSPC')
    await say(0, 20, 1)
    await clock.advance(1_000)
    expect([told, stored()]).toEqual([upTo(20), upTo(20)])
    logs.refusal = null
    await say(20, 1)
    expect(logs.appended).toHaveLength(1)
    expect(lines).toEqual([expect.stringMatching(/^warn finals cannot be logged/), expect.stringMatching(/^info finals are logged/)])
  })

  test('33 K3 with the store away as well memory keeps what it can: the newest, and the rest is counted and told', async () => {
    const logs = new FakeFinals()
    logs.refusal = new Error('EROFS')
    const { clock, store, journal, told, lines, stored, say } = await rig(logs)
    store.isAway = true
    await say(0, MAX_WAITING + 300, 500)
    expect(told).toEqual([])
    store.isAway = false
    await clock.advance(5_000)
    expect(stored().toSorted((a, b) => a - b)).toEqual(upTo(MAX_WAITING).map((n) => n + 300))
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([expect.stringContaining('the oldest are given up')])
    // a meeting that lost text does not call itself complete
    expect(await journal.close(1_000)).toBe(300)
  })

  test('33 K3 a disk that fills up while the store is away: what was meant for it alone waits in memory', async () => {
    const logs = new FakeFinals()
    const { clock, store, stored, told, say } = await rig(logs)
    store.isAway = true
    await say(0, MEMORY_SEGMENTS + 500)
    logs.refusal = new Error('ENOSPC')
    await say(MEMORY_SEGMENTS + 500, 500)
    expect(told).toHaveLength(MEMORY_SEGMENTS + 500)
    logs.refusal = null
    await say(MEMORY_SEGMENTS + 1_000, 100)
    store.isAway = false
    await clock.advance(3_000)
    expect(stored().toSorted((a, b) => a - b)).toEqual(upTo(MEMORY_SEGMENTS + 1_100))
    expect(told).toHaveLength(MEMORY_SEGMENTS + 1_100)
  })

  test('33 K3 a log that cannot be opened is tried again every 30 s, and what earlier bots left in it is stored then', async () => {
    const logs = new FakeFinals()
    logs.openRefusal = new Error('EROFS')
    logs.left = [{ segments: [segmentOf(session, 900)], spans: [] }]
    const { clock, stored, say } = await rig(logs)
    await say(0, 3, 1)
    expect(logs.opened).toBe(1)
    await clock.advance(30_000)
    logs.openRefusal = null
    await say(3, 1)
    await clock.advance(1_000)
    expect([logs.opened, logs.appended.length, logs.forgotten]).toEqual([2, 1, 1])
    expect(stored().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 900])
  })
})
