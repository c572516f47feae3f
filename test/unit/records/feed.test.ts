import { describe, expect, test } from 'vitest'
import { deferred } from '../../../src/core/deferred.js'
import { NotFoundError } from '../../../src/core/errors.js'
import { asMeetingId, asSessionId } from '../../../src/core/ids.js'
import { Scope } from '../../../src/core/scope.js'
import { silentLogger } from '../../../src/observe/logger.js'
import type { MeetingRecord, StoredSegment } from '../../../src/records/port.js'
import { Feed, type FeedSource } from '../../../src/records/sql/feed.js'
import { ManualClock } from '../../support/manual-clock.js'
import { FeedRecorder, segmentOf } from '../../support/records.js'

const id = asMeetingId('meeting')
const clock = new ManualClock()
const numbered = (seq: number): StoredSegment => ({ ...segmentOf(asSessionId('s'), seq), seq })

/** A meeting with so many segments stored. */
class FakeSource implements FeedSource {
  stored = 0
  reads = 0
  gate: Promise<void> = Promise.resolve()

  async position() {
    const seq = this.stored
    await this.gate
    return { seq, gap: 0 }
  }
  async segments(_id: string, afterSeq: number, limit: number) {
    this.reads++
    const all = Array.from({ length: this.stored }, (_, index) => numbered(index + 1))
    await this.gate
    return all.filter(({ seq }) => seq > afterSeq).slice(0, limit)
  }
  numberedGaps = () => Promise.resolve([])
  meeting = () => Promise.resolve({ state: 'live', reason: null } as MeetingRecord)
}

const stage = () => {
  const source = new FakeSource()
  const scope = new Scope()
  return { source, scope, feed: new Feed(source, scope, silentLogger, clock), told: new FeedRecorder() }
}

describe('the feed', () => {
  test('F1 what is next in order is told from memory', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    const readsBefore = source.reads
    source.stored = 2
    await feed.segments(id, Promise.resolve([numbered(1), numbered(2)]))
    expect(told.seqs).toEqual([1, 2])
    expect(source.reads).toBe(readsBefore)
    await scope.close()
  })

  test('F2 writes that come back in the wrong order are told in the right one, once', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    source.stored = 2
    await feed.segments(id, Promise.resolve([numbered(2)]))
    await feed.segments(id, Promise.resolve([numbered(1)]))
    await clock.settle()
    expect(told.seqs).toEqual([1, 2])
    await scope.close()
  })

  test('F4 41 what was stored though its answer was lost is told when the write is repeated', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    source.stored = 1
    await expect(feed.segments(id, Promise.reject(new Error('connection terminated')))).rejects.toThrow('terminated')
    await clock.settle()
    expect(told.seqs).toEqual([])
    await feed.segments(id, Promise.resolve([]))
    await clock.settle()
    expect(told.seqs).toEqual([1])
    const readsBefore = source.reads
    await feed.segments(id, Promise.resolve([]))
    await clock.settle()
    expect(source.reads).toBe(readsBefore)
    await scope.close()
  })

  test('F2 a write that is visible before it is announced here is told though the subscription read its number first', async () => {
    const { source, scope, feed, told } = stage()
    const answer = deferred<readonly StoredSegment[]>()
    const write = feed.segments(id, answer.promise)
    source.stored = 1
    feed.subscribe(id, told.listener)
    await clock.settle()
    answer.resolve([numbered(1)])
    await write
    await clock.settle()
    expect(told.seqs).toEqual([1])
    await scope.close()
  })

  test('F2 any number of announcements during a read cause one more read', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    const gate = deferred()
    source.gate = gate.promise
    source.stored = 1
    const before = source.reads
    feed.announced(id, { seq: 1 })
    await clock.settle()
    source.stored = 3
    for (let n = 0; n < 100; n++) feed.announced(id, { seq: 2 })
    gate.resolve()
    await clock.settle()
    expect(told.seqs).toEqual([1, 2, 3])
    expect(source.reads - before).toBe(2)
    await scope.close()
  })

  test('F5 41 a stop, or a line, that is announced while the store does not let itself be read is told when it does', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    const away = deferred()
    source.gate = away.promise
    source.stored = 1
    feed.announced(id, { seq: 1, state: true })
    away.reject(new Error('timeout exceeded when trying to connect'))
    await clock.advance(5_000)
    expect(told.events).toEqual([])
    source.gate = Promise.resolve()
    await clock.advance(1_000)
    expect(told.seqs).toEqual([1])
    expect(told.events.at(-1)).toEqual({ kind: 'state', state: 'live', reason: null })
    await scope.close()
    expect(clock.pending).toBe(0)
  })

  test('F5 a subscriber that leaves, or a store that closes, ends the repeating', async () => {
    const { source, scope, feed, told } = stage()
    source.gate = Promise.reject(new NotFoundError('there is no such meeting'))
    feed.subscribe(id, told.listener)
    await clock.settle()
    // of a meeting that is purged nothing is asked again
    expect(clock.pending).toBe(0)
    source.gate = Promise.reject(new Error('away'))
    const leave = feed.subscribe(id, told.listener)
    feed.subscribe(id, told.listener)
    await clock.advance(3_000)
    leave()
    await clock.advance(1_000)
    expect(clock.pending).toBe(1)
    await scope.close()
    expect(clock.pending).toBe(0)
  })

  test('a subscriber that gives a place is told everything after it, page by page', async () => {
    const { source, scope, feed, told } = stage()
    source.stored = 450
    feed.subscribe(id, told.listener, 10)
    await clock.settle()
    expect(told.seqs).toEqual(Array.from({ length: 440 }, (_, n) => n + 11))
    await scope.close()
  })

  test('F3 a listener that throws keeps nothing from the others', async () => {
    const { scope, feed, told } = stage()
    feed.subscribe(id, () => {
      throw new Error('listener')
    })
    feed.subscribe(id, told.listener)
    feed.state(id, 'live', null)
    expect(told.events).toHaveLength(1)
    await scope.close()
  })

  test('announcements that may have been lost are made up for by reading', async () => {
    const { source, scope, feed, told } = stage()
    feed.subscribe(id, told.listener)
    await clock.settle()
    source.stored = 2
    feed.lost()
    await clock.settle()
    expect(told.seqs).toEqual([1, 2])
    expect(told.events.at(-1)).toEqual({ kind: 'state', state: 'live', reason: null })
    await scope.close()
  })
})
