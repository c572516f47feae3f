import { describe, expect, it, test } from 'vitest'
import { asIdentity, asSegmentId, newSessionId, trackKey } from '../../../../src/core/ids.js'
import { Journal } from '../../../../src/live/bot/journal.js'
import type { Span } from '../../../../src/live/audio/span.js'
import type { Segment } from '../../../../src/live/transcript/segment.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { Claim, StoredSegment } from '../../../../src/records/port.js'
import { deferred } from '../../../../src/core/deferred.js'
import { FakeFinals } from '../../../support/fake-finals.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { requestFor, sessionWith, spanOf } from '../../../support/records.js'

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
  gate: Promise<void> = Promise.resolve()

  override async appendSegments(...args: Parameters<MemoryStore['appendSegments']>): Promise<readonly StoredSegment[]> {
    this.appends++
    await this.gate
    if (this.failures > 0) {
      this.failures--
      throw new Error('away')
    }
    return super.appendSegments(...args)
  }
}

async function rig(logs: FakeFinals | null = null) {
  const clock = new ManualClock()
  const store = new MoodyStore()
  const { meeting } = await store.create(requestFor('r'))
  const claim: Claim = await store.claim(meeting.id)
  const told: string[] = []
  let lost = 0
  const journal = new Journal(
    { store, logs, claim, clock, logger: silentLogger, random: () => 0.5 },
    { stored: (one) => told.push(one.text), gapStored: () => undefined, claimLost: () => void lost++ },
  )
  await journal.open()
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

  it('36 J5 hands in whose words it heard, and no text and no gap, when its claim is taken', async () => {
    const { store, meeting, journal, clock } = await rig()
    const spans = [spanOf(sessionId, 0, 800), spanOf(sessionId, 1_600, 2_400)]
    await store.claim(meeting.id)
    journal.segments([segment(1)])
    for (const span of spans) journal.span(span)
    journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 100, reason: 'session_lost' })
    await journal.close(1_000)
    expect(await store.spans(meeting.id)).toEqual(spans)
    expect([await store.segments(meeting.id), await store.gaps(meeting.id)]).toEqual([[], []])
    expect(clock.pending).toBe(0)
  })

  it('36 J5 ends all the same, in bounded time, when the store does not take them, or does not answer', async () => {
    for (const adopt of [() => Promise.reject(new Error('away')), () => new Promise<never>(() => undefined)]) {
      const { store, meeting, journal, clock } = await rig()
      await store.claim(meeting.id)
      journal.segments([segment(1)])
      journal.span(spanOf(sessionId, 0, 800))
      store.adopt = adopt
      const closed = journal.close(60_000)
      await clock.settle()
      await clock.advance(5_000)
      expect(await closed).toBe(1)
      expect(clock.pending).toBe(0)
    }
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

  it('J3 people are stored and announced within 0.25 s, all who came meanwhile at once; later rounds keep to their second', async () => {
    const { clock, store, meeting, journal } = await rig()
    const saved: number[] = []
    let states = 0
    store.subscribe(meeting.id, ({ kind }) => {
      if (kind === 'state') states++
    })
    const save = store.saveParticipants.bind(store)
    store.saveParticipants = (claim, people) => {
      saved.push(people.length)
      return save(claim, people)
    }
    const names = ['ann', 'bob', 'cyd'].map((name) => ({ identity: asIdentity(name), name, joinedMs: 0, leftMs: null }))
    journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 1, reason: 'not_received' })
    await clock.advance(700)
    expect(await store.gaps(meeting.id)).toEqual([])
    for (let count = 1; count <= 3; count++) journal.participants(names.slice(0, count))
    await clock.advance(240)
    expect([saved, states]).toEqual([[], 0])
    await clock.advance(10)
    expect([saved, states]).toEqual([[3], 1])
    expect((await store.meeting(meeting.id)).participants).toEqual(names)
    expect(await store.gaps(meeting.id)).toHaveLength(1)
    // a round that is due sooner is not put off
    journal.participants(names)
    await clock.advance(200)
    journal.gap({ identity: asIdentity('ann'), fromMs: 5, toMs: 6, reason: 'not_received' })
    await clock.advance(60)
    expect([saved, await store.gaps(meeting.id)]).toEqual([[3, 3], expect.objectContaining({ length: 2 })])
    journal.gap({ identity: asIdentity('ann'), fromMs: 9, toMs: 10, reason: 'not_received' })
    await clock.advance(900)
    expect(await store.gaps(meeting.id)).toHaveLength(2)
    await clock.advance(100)
    expect(await store.gaps(meeting.id)).toHaveLength(3)
    await journal.close(1_000)
    expect(clock.pending).toBe(0)
  })

  it('J3 spans alone and gaps are stored within a second', async () => {
    const { clock, store, meeting, journal } = await rig()
    const span = spanOf(newSessionId(), 0, 800)
    journal.span(span)
    journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 1, reason: 'not_received' })
    await clock.advance(990)
    expect(await store.spans(meeting.id)).toEqual([])
    journal.span({ ...span, toFrame: 1600 })
    await clock.advance(10)
    expect(await store.spans(meeting.id)).toEqual([{ ...span, toFrame: 1600 }])
    expect(await store.gaps(meeting.id)).toHaveLength(1)
    await journal.close(1_000)
  })

  it('J3 spans of more than 4 s of sound, in all, are stored at once and in one write; an open one that goes on keeps to its second', async () => {
    const { clock, store, meeting, journal } = await rig()
    const saves: number[] = []
    const save = store.saveSpans.bind(store)
    store.saveSpans = (claim, all) => {
      saves.push(all.length)
      return save(claim, all)
    }
    const first = spanOf(sessionId, 0, 32_000)
    const second = { ...spanOf(sessionId, 0, 24_000), channel: 1 }
    const third = { ...spanOf(sessionId, 24_000, 32_000), channel: 1 }
    for (const span of [first, second, third]) journal.span(span)
    await clock.advance(20)
    expect(saves).toEqual([])
    const longer = { ...third, toFrame: 40_000 }
    journal.span(longer)
    journal.span({ ...spanOf(newSessionId(), 0, 800), channel: 3 })
    await clock.advance(20)
    expect(saves).toEqual([4])
    expect(await store.spans(meeting.id)).toEqual(expect.arrayContaining([first, second, longer]))
    journal.span({ ...longer, toFrame: 100_000 })
    await clock.advance(990)
    expect(saves).toEqual([4])
    await clock.advance(10)
    expect(saves).toEqual([4, 1])
    journal.span({ ...longer, toFrame: 164_800 })
    await clock.advance(20)
    expect(saves).toEqual([4, 1, 1])
    await journal.close(1_000)
    expect(clock.pending).toBe(0)
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
})

test('B7 the record of a session that is over is stored after the gaps that it left, whatever is being written meanwhile', async () => {
  const order: string[] = []
  const gate = deferred()
  class Slow extends MemoryStore {
    override async saveSession(...[claim, session]: Parameters<MemoryStore['saveSession']>): Promise<void> {
      await gate.promise
      order.push(session.endReason ?? 'open')
      return super.saveSession(claim, session)
    }
    override appendGaps(...args: Parameters<MemoryStore['appendGaps']>): Promise<void> {
      order.push('gap')
      return super.appendGaps(...args)
    }
  }
  const clock = new ManualClock()
  const store = new Slow()
  const { meeting } = await store.create(requestFor('r'))
  const claim = await store.claim(meeting.id)
  const parts = { store, logs: null, claim, clock, logger: silentLogger, random: () => 0.5 }
  const journal = new Journal(parts, { stored: () => undefined, gapStored: () => undefined, claimLost: () => undefined })
  const [first, second] = [newSessionId(), newSessionId()]
  journal.session(sessionWith(first, 10))
  await clock.advance(6_000)
  journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 1_000, reason: 'session_lost' })
  journal.session({ ...sessionWith(second, 10), endReason: 'session_lost' })
  gate.resolve()
  await clock.settle()
  for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
  expect(order).toEqual(['open', 'gap', 'session_lost'])
  expect(await journal.close(1_000)).toBe(0)
})

test('J3 a session that is new, can be asked for texts from now on, or waits for some is stored within a second, how far it came within five', async () => {
  const { clock, store, journal, meeting } = await rig()
  const stored = async () => (await store.sessions(meeting.id))[0]
  const first = { ...sessionWith(sessionId, 10), vendorId: null }
  journal.session(first)
  await clock.advance(1_000)
  expect(await stored()).toEqual({ ...first, epoch: 1 })
  journal.session({ ...first, vendorId: 'v' })
  await clock.advance(1_000)
  expect(await stored()).toEqual({ ...first, vendorId: 'v', epoch: 1 })
  journal.session({ ...first, vendorId: 'v', sentFrames: 20 })
  await clock.advance(4_999)
  expect(await stored()).toMatchObject({ sentFrames: 10 })
  await clock.advance(1)
  expect(await stored()).toMatchObject({ sentFrames: 20 })
  const waiting = { ...first, vendorId: 'v', sentFrames: 30, pendingTexts: [{ identity: asIdentity('ann'), fromMs: 0, toMs: 1_000 }] }
  journal.session(waiting)
  await clock.advance(1_000)
  expect(await stored()).toMatchObject(waiting)
  await journal.close(1_000)
})

test('I4 how far a session came, and how it ended, is stored after the finals before it: it says that they are there', async () => {
  const { clock, store, journal, meeting } = await rig()
  const stored = async () => (await store.sessions(meeting.id))[0]
  const pendingTexts = [{ identity: asIdentity('ann'), fromMs: 0, toMs: 50 }]
  journal.session({ ...sessionWith(sessionId, 10), pendingTexts })
  await clock.advance(1_000)
  const { appendSegments } = store
  store.appendSegments = () => Promise.reject(new Error('refused'))
  journal.segments([segment(1)])
  journal.session({ ...sessionWith(sessionId, 20), endReason: 'done' })
  journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 900, reason: 'session_lost' })
  for (let turn = 0; turn < 20; turn++) await clock.advance(1_000)
  expect(await store.gaps(meeting.id)).toHaveLength(1)
  expect(await stored()).toEqual({ ...sessionWith(sessionId, 10), pendingTexts, epoch: 1 })
  store.appendSegments = appendSegments.bind(store)
  for (let turn = 0; turn < 8; turn++) await clock.advance(1_000)
  expect(await store.segments(meeting.id)).toHaveLength(1)
  expect(await stored()).toEqual({ ...sessionWith(sessionId, 20), endReason: 'done', epoch: 1 })
  expect(await journal.close(1_000)).toBe(0)
})

test('I4 at the end too: sessions are stored when the finals are', async () => {
  const { clock, store, journal, meeting } = await rig()
  store.failures = 2
  journal.segments([segment(1)])
  journal.session({ ...sessionWith(sessionId, 20), endReason: 'done' })
  const closing = journal.close(10_000)
  for (let turn = 0; turn < 5; turn++) await clock.advance(1_000)
  expect(await closing).toBe(0)
  expect((await store.sessions(meeting.id)).map(({ endReason }) => endReason)).toEqual(['done'])
})

describe('Journal with a log of finals', () => {
  const span = (n: number): Span => ({
    sessionId,
    channel: 0,
    fromFrame: n,
    toFrame: n + 800,
    trackKey: trackKey(asIdentity('ann'), 'microphone'),
    identity: asIdentity('ann'),
    meetingMs: n,
  })

  it('B1 J1 tells of a final once the log has it, with its spans, while the store is away; and once', async () => {
    const logs = new FakeFinals()
    const gate = deferred()
    logs.gate = gate.promise
    const { clock, store, journal, told, meeting } = await rig(logs)
    store.failures = 2
    journal.span(span(0))
    journal.segments([segment(1)])
    await clock.settle()
    expect([told, store.appends]).toEqual([[], 0])
    gate.resolve()
    await clock.settle()
    expect([told, store.appends]).toEqual([['text 1'], 1])
    expect(logs.appended).toEqual([{ segments: [segment(1)], spans: [span(0)] }])
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
    expect(told).toEqual(['text 1'])
    expect((await store.segments(meeting.id)).map(({ text }) => text)).toEqual(['text 1'])
    expect(await store.spans(meeting.id)).toEqual([span(0)])
    expect(await journal.close(1_000)).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('28 J1 a log has with a final what waits of sessions before it: without that nobody knows that their last words are missing', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    store.failures = 1000
    store.saveSpans = () => Promise.reject(new Error('away'))
    store.saveSession = () => Promise.reject(new Error('away'))
    const earlier = newSessionId()
    const before = { ...span(0), sessionId: earlier }
    const waiting = { ...sessionWith(earlier, 800), pendingTexts: [{ identity: asIdentity('ann'), fromMs: 0, toMs: 50 }] }
    journal.span(before)
    journal.session(waiting)
    journal.session(sessionWith(sessionId, 800))
    journal.span(span(0))
    journal.segments([segment(1)])
    await clock.settle()
    journal.span({ ...before, toFrame: 1_600 })
    journal.segments([segment(2)])
    await clock.settle()
    expect(logs.appended).toEqual([
      { segments: [segment(1)], spans: [before, span(0)], sessions: [waiting, sessionWith(sessionId, 800)] },
      { segments: [segment(2)], spans: [{ ...before, toFrame: 1_600 }] },
    ])
    // what its texts cut off is not cut off before the store has them, and it is not over
    journal.session({
      ...sessionWith(earlier, 900),
      endReason: 'done',
      pendingTexts: [{ identity: asIdentity('ann'), fromMs: 60, toMs: 90 }],
    })
    journal.segments([segment(3)])
    await clock.settle()
    const pendingTexts = [...waiting.pendingTexts, { identity: asIdentity('ann'), fromMs: 60, toMs: 90 }]
    expect(logs.appended[2]).toEqual({ segments: [segment(3)], spans: [], sessions: [{ ...sessionWith(earlier, 900), pendingTexts }] })
  })

  it('J1 what the store has is not logged', async () => {
    const logs = new FakeFinals()
    const { clock, journal } = await rig(logs)
    journal.span(span(0))
    await clock.advance(1_000)
    journal.segments([segment(1)])
    await clock.settle()
    expect(logs.appended).toEqual([{ segments: [segment(1)], spans: [] }])
    await journal.close(1_000)
  })

  it('J1 a round that began before a newer version was stored does not write the older one', async () => {
    const { clock, store, journal, meeting } = await rig()
    const order: number[] = []
    const gate = deferred()
    const { saveSession } = store
    store.saveSession = async (claim, session) => {
      order.push(session.sentFrames)
      if (session.sentFrames === 1) await gate.promise
      return saveSession.call(store, claim, session)
    }
    const slow = newSessionId()
    journal.session(sessionWith(slow, 0))
    await clock.advance(1_000)
    journal.session(sessionWith(slow, 1))
    journal.session(sessionWith(sessionId, 2))
    await clock.advance(1_000)
    journal.session({ ...sessionWith(sessionId, 3), pendingTexts: [{ identity: asIdentity('ann'), fromMs: 0, toMs: 50 }] })
    journal.segments([segment(1)])
    await clock.settle()
    gate.resolve()
    await clock.settle()
    // 0: what a final must not be without, of which it is not said how far it came
    expect(order).toEqual([0, 1, 0, 3])
    const stored = await store.sessions(meeting.id)
    expect(stored.find((one) => one.sessionId === sessionId)?.pendingTexts).toHaveLength(1)
    await journal.close(1_000)
  })

  it('28 J1 the store has before a final what waits of the sessions before it, and no older version of one after a newer', async () => {
    const { clock, store, journal, meeting } = await rig()
    const order: string[] = []
    const gate = deferred()
    const { saveSession, appendGaps, appendSegments } = store
    store.saveSpans = () => Promise.reject(new Error('away'))
    store.saveSession = async (claim, session) => {
      order.push(`session ${session.sentFrames}`)
      if (session.sentFrames === 1) await gate.promise
      return saveSession.call(store, claim, session)
    }
    store.appendGaps = (claim, gaps) => {
      order.push('gap')
      return appendGaps.call(store, claim, gaps)
    }
    store.appendSegments = (claim, segments, spans = []) => {
      order.push(`final on ${spans.length}`)
      return appendSegments.call(store, claim, segments, spans)
    }
    const pendingTexts = [{ identity: asIdentity('ann'), fromMs: 0, toMs: 50 }]
    journal.session({ ...sessionWith(sessionId, 1), pendingTexts })
    await clock.advance(1_000)
    expect(order).toEqual(['session 1'])
    journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 900, reason: 'session_lost' })
    journal.span({ ...span(0), sessionId: newSessionId() })
    journal.session({ ...sessionWith(sessionId, 2), pendingTexts })
    journal.segments([segment(1)])
    await clock.settle()
    // the first is on its way, slowly
    expect(order).toEqual(['session 1', 'gap'])
    gate.resolve()
    await clock.advance(1_000)
    expect(order).toEqual(['session 1', 'gap', 'session 0', 'final on 1'])
    const closing = journal.close(10_000)
    await clock.advance(3_000)
    expect(await closing).toBe(0)
    expect((await store.sessions(meeting.id)).map(({ sentFrames }) => sentFrames)).toEqual([2])
  })

  it.each<[string, (journal: Journal) => void]>([
    ['gap', (journal) => journal.gap({ identity: asIdentity('ann'), fromMs: 0, toMs: 900, reason: 'session_lost' })],
    ['span', (journal) => journal.span(span(0))],
    ['session', (journal) => journal.session(sessionWith(sessionId, 1))],
  ])('J1 the log is not emptied, nor removed at the end, as long as it has a %s that the store has not', async (_, put) => {
    const logs = new FakeFinals()
    const [logGate, storeGate] = [deferred(), deferred()]
    logs.gate = logGate.promise
    const { clock, store, journal, meeting } = await rig(logs)
    store.gate = storeGate.promise
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    await clock.advance(50)
    // the store is being given both; what comes now comes to the log, with the second
    put(journal)
    store.appendGaps = store.saveSession = store.saveSpans = () => Promise.reject(new Error('away'))
    logGate.resolve()
    await clock.settle()
    expect(logs.appended.map(({ spans, gaps = [], sessions = [] }) => spans.length + gaps.length + sessions.length)).toEqual([0, 1])
    storeGate.resolve()
    await clock.settle()
    expect((await store.segments(meeting.id)).map(({ text }) => text)).toEqual(['text 1', 'text 2'])
    expect(logs.storedCalls).toBe(0)
    const closing = journal.close(1_000)
    await clock.advance(1_000)
    expect([await closing, logs.closed]).toEqual([0, [true]])
  })

  it('J1 the log is emptied also while somebody goes on speaking', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    const gate = deferred()
    store.gate = gate.promise
    journal.span(span(0))
    journal.segments([segment(1)])
    await clock.advance(50)
    journal.span({ ...span(0), toFrame: 1_600 })
    gate.resolve()
    await clock.settle()
    expect([logs.appended[0]?.spans, logs.storedCalls]).toEqual([[span(0)], 1])
    await journal.close(1_000)
  })

  it('J1 that a session is over is not undone by what goes before a final', async () => {
    const { clock, store, journal, meeting } = await rig()
    const { saveSession } = store
    const gate = deferred()
    let writes = 0
    store.saveSession = async (...args) => {
      writes++
      await gate.promise
      return saveSession.apply(store, args)
    }
    journal.session({ ...sessionWith(sessionId, 1), endReason: 'done' })
    await clock.advance(1_000)
    journal.segments([segment(1)])
    await clock.settle()
    gate.resolve()
    await clock.settle()
    expect([writes, (await store.sessions(meeting.id))[0]?.endReason]).toEqual([1, 'done'])
    expect(await store.segments(meeting.id)).toHaveLength(1)
    await journal.close(1_000)
  })

  it('J1 nor while something is on its way to it', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    const storeGate = deferred()
    store.gate = storeGate.promise
    journal.segments([segment(1)])
    await clock.advance(50)
    const logGate = deferred()
    logs.gate = logGate.promise
    journal.segments([segment(2)])
    await clock.settle()
    storeGate.resolve()
    await clock.settle()
    expect([store.appends, logs.storedCalls]).toEqual([2, 0])
    logGate.resolve()
    await clock.settle()
    journal.segments([segment(3)])
    await clock.advance(50)
    expect(logs.storedCalls).toBe(1)
    await journal.close(1_000)
  })

  it('J1 a log that hangs makes a final wait for the store, 50 ms later, and no longer', async () => {
    const logs = new FakeFinals()
    logs.gate = new Promise(() => undefined)
    const { clock, store, journal, told } = await rig(logs)
    journal.segments([segment(1)])
    await clock.advance(49)
    expect([told, store.appends]).toEqual([[], 0])
    await clock.advance(1)
    expect([told, store.appends]).toEqual([['text 1'], 1])
  })

  it('J1 a log that refuses is not asked again for the same final, and the store has it at once', async () => {
    const logs = new FakeFinals()
    logs.refusal = new Error('disk full')
    const { clock, store, journal, told } = await rig(logs)
    journal.segments([segment(1)])
    await clock.settle()
    expect([told, store.appends]).toEqual([['text 1'], 1])
    logs.refusal = null
    journal.segments([segment(2)])
    await clock.settle()
    expect(logs.appended.flatMap(({ segments }) => segments.map(({ text }) => text))).toEqual(['text 2'])
    expect(told).toEqual(['text 1', 'text 2'])
    await journal.close(1_000)
    expect(clock.pending).toBe(0)
  })

  it.each([[false], [true]])(
    '41 K3 what a log refused while the store is away goes there before what comes later (not even opened: %s)',
    async (isShut) => {
      const logs = new FakeFinals()
      if (isShut) logs.openRefusal = new Error('disk full')
      else logs.refusal = new Error('disk full')
      const { clock, store, journal, told } = await rig(logs)
      store.failures = 100
      journal.segments([segment(1)])
      journal.segments([segment(2)])
      await clock.settle()
      expect(told).toEqual([])
      logs.refusal = null
      logs.openRefusal = null
      await clock.advance(30_000)
      journal.segments([segment(3)])
      await clock.settle()
      expect(logs.appended.flatMap(({ segments }) => segments.map(({ text }) => text))).toEqual(['text 1', 'text 2', 'text 3'])
      expect(told).toEqual(['text 1', 'text 2', 'text 3'])
      store.failures = 0
      for (let turn = 0; turn < 60; turn++) await clock.advance(1_000)
      expect(await journal.close(1_000)).toBe(0)
    },
  )

  it('J2 the log may forget only when the store has everything', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    store.failures = 1
    journal.segments([segment(1)])
    await clock.settle()
    expect(logs.storedCalls).toBe(0)
    await clock.advance(1_000)
    expect(logs.storedCalls).toBe(1)
    expect(await journal.close(1_000)).toBe(0)
    expect(logs.closed).toEqual([false])
  })

  it('J2 the log may not forget while a final waits that came during a write', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    const gates = [deferred(), deferred()]
    store.gate = gates[0]!.promise
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    await clock.settle()
    expect(logs.appended).toHaveLength(2)
    store.gate = gates[1]!.promise
    gates[0]!.resolve()
    await clock.settle()
    expect([store.appends, logs.storedCalls]).toEqual([2, 0])
    gates[1]!.resolve()
    await clock.settle()
    expect(logs.storedCalls).toBe(1)
  })

  it('J2 what the store did not take by the end stays in the log', async () => {
    const logs = new FakeFinals()
    const { clock, store, journal, told } = await rig(logs)
    store.failures = 1_000
    journal.segments([segment(1), segment(2)])
    const closing = journal.close(5_000)
    for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
    expect([await closing, told, logs.closed]).toEqual([2, ['text 1', 'text 2'], [true]])
    expect(clock.pending).toBe(0)
  })

  it('I1 what an earlier bot left is stored before anything else, once, and forgotten after that', async () => {
    const logs = new FakeFinals()
    logs.left = [
      { segments: [segment(1), segment(2)], spans: [span(0)] },
      { segments: [segment(2), segment(3)], spans: [] },
    ]
    const { store, meeting, told, clock } = await rig(logs)
    expect((await store.segments(meeting.id)).map(({ text }) => text)).toEqual(['text 1', 'text 2', 'text 3'])
    expect(await store.spans(meeting.id)).toEqual([span(0)])
    expect([logs.forgotten, told, clock.pending]).toEqual([1, [], 0])
  })

  it('28 I2 K6 what a bot in between had from the result of the service is not stored again, after it has been brought in', async () => {
    const logs = new FakeFinals()
    const said = { ...segment(1), startMs: 35_104, endMs: 35_794 }
    logs.left = [{ segments: [said, { ...segment(2), startMs: 36_000, endMs: 36_500 }], spans: [] }]
    const store = new MoodyStore()
    const { meeting } = await store.create(requestFor('r'))
    const claim = await store.claim(meeting.id)
    await store.appendSegments(claim, [{ ...said, id: asSegmentId('r1'), utteranceId: 'result:0:33922', endMs: 35_582 }])
    const events = { stored: () => undefined, gapStored: () => undefined, claimLost: () => undefined }
    await new Journal({ store, logs, claim, clock: new ManualClock(), logger: silentLogger, random: () => 0.5 }, events).open()
    expect((await store.segments(meeting.id)).map(({ utteranceId }) => utteranceId)).toEqual(['result:0:33922', 'u2'])
    expect(logs.forgotten).toBe(1)
  })

  it('I1 what an earlier bot left is kept while the store does not take it', async () => {
    const logs = new FakeFinals()
    logs.left = [{ segments: [segment(1)], spans: [] }]
    const store = new MoodyStore()
    store.failures = 1
    const { meeting } = await store.create(requestFor('r'))
    const claim = await store.claim(meeting.id)
    const events = { stored: () => undefined, gapStored: () => undefined, claimLost: () => undefined }
    const journal = new Journal({ store, logs, claim, clock: new ManualClock(), logger: silentLogger, random: () => 0.5 }, events)
    await expect(journal.open()).rejects.toThrow('away')
    expect([logs.forgotten, logs.closed]).toEqual([0, [true]])
  })

  it('28 H1 a gap that the store does not have yet is in the log with the next final, once, and is stored from there with what was left', async () => {
    const gap = { identity: asIdentity('ann'), fromMs: 0, toMs: 900, reason: 'taken_over' } as const
    const logs = new FakeFinals()
    const { clock, store, journal } = await rig(logs)
    store.appendGaps = () => Promise.reject(new Error('away'))
    store.failures = 1000
    journal.gap(gap)
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    await clock.settle()
    expect(logs.appended.map(({ gaps }) => gaps)).toEqual([[gap], undefined])
    // it dies, and the next one finds the log
    const next = new FakeFinals()
    next.left = [...logs.appended]
    const after = new MoodyStore()
    const { meeting } = await after.create(requestFor('r'))
    const claim = await after.claim(meeting.id)
    const events = { stored: () => undefined, gapStored: () => undefined, claimLost: () => undefined }
    await new Journal({ store: after, logs: next, claim, clock, logger: silentLogger, random: () => 0.5 }, events).open()
    expect([await after.gaps(meeting.id), (await after.segments(meeting.id)).length]).toEqual([[gap], 2])
  })

  it('B2 nothing more is logged once the claim is lost', async () => {
    const logs = new FakeFinals()
    const { clock, store, meeting, journal } = await rig(logs)
    await store.claim(meeting.id)
    journal.segments([segment(1)])
    await clock.settle()
    journal.segments([segment(2)])
    await clock.advance(1_000)
    expect(logs.appended).toHaveLength(1)
    await journal.close(1_000)
    expect([logs.closed, clock.pending]).toEqual([[true], 0])
  })
})
