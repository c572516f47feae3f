import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClaimLostError, ConflictError, InputError, NotFoundError } from '../../src/core/errors.js'
import { asIdentity, asMeetingId, asSegmentId, newMeetingId, newSessionId, type MeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { Claim, MeetingStore, SummaryRecord } from '../../src/records/port.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { coverageRow } from '../support/coverage-row.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { FeedRecorder, gapFrom, requestFor, segmentOf, sessionWith, spanOf } from '../support/records.js'

const binaries = postgresBinaries()
const targets = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)

describe.each(targets)('the store on %s', (kind) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-records-'))
  let postgres: TestPostgres | undefined
  let opened: OpenStore
  let store: MeetingStore
  let rooms = 0

  beforeAll(async () => {
    if (kind === 'postgres' && binaries !== undefined) postgres = await startPostgres(binaries)
    opened = await openStore({ databaseUrl: postgres?.url ?? null, dataDir, clock: systemClock, logger: silentLogger })
    store = opened.store
  })
  afterAll(async () => {
    await opened?.close()
    await postgres?.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const newRoom = () => `room ${++rooms}`
  const newMeeting = async (): Promise<MeetingId> => (await store.create(requestFor(newRoom()))).meeting.id
  const newClaim = async (): Promise<Claim> => store.claim(await newMeeting())

  test('a meeting comes back as it was asked for', async () => {
    const asked = requestFor(newRoom(), {
      title: 'Weekly',
      language: 'de',
      vocabulary: ['Gladia', "d'Arc"],
      slackChannel: 'C1',
      startAt: '2020-01-01T10:00:00+02:00',
      endAt: '2020-01-01T11:00:00Z',
      botName: 'Scribe',
    })
    const { meeting, created } = await store.create(asked)
    expect(created).toBe(true)
    expect(meeting).toMatchObject({ ...asked, startAt: '2020-01-01T08:00:00.000Z', endAt: '2020-01-01T11:00:00.000Z' })
    expect(meeting).toMatchObject({ state: 'queued', reason: null, stopRequested: false, startedAt: null, endedAt: null, participants: [] })
    expect(await store.meeting(meeting.id)).toEqual(meeting)
  })

  test('a meeting that starts later is scheduled', async () => {
    const { meeting } = await store.create(requestFor(newRoom(), { startAt: '2999-01-01T00:00:00Z' }))
    expect(meeting.state).toBe('scheduled')
  })

  test('a start that is no time is an InputError', async () => {
    await expect(store.create(requestFor(newRoom(), { startAt: 'tomorrow' }))).rejects.toBeInstanceOf(InputError)
  })

  test('I6 a hundred concurrent creates of one room make one meeting', async () => {
    const room = newRoom()
    const answers = await Promise.all(Array.from({ length: 100 }, () => store.create(requestFor(room))))
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(answers.map(({ meeting }) => meeting.id)).size).toBe(1)
    expect(await store.meetings({ room, limit: 10 })).toHaveLength(1)
  })

  test('a room whose meeting is over gets a new one', async () => {
    const room = newRoom()
    const first = await store.create(requestFor(room))
    await store.requestStop(first.meeting.id)
    const second = await store.create(requestFor(room))
    expect(second.created).toBe(true)
    expect(second.meeting.id).not.toBe(first.meeting.id)
  })

  test('meetings are listed newest first, by state, by room, page by page', async () => {
    const room = newRoom()
    const ids: MeetingId[] = []
    for (let round = 0; round < 3; round++) {
      const { meeting } = await store.create(requestFor(room))
      ids.unshift(meeting.id)
      if (round < 2) await store.requestStop(meeting.id)
    }
    const idsOf = async (filter: Parameters<MeetingStore['meetings']>[0]) => (await store.meetings(filter)).map(({ id }) => id)
    expect(await idsOf({ room, limit: 10 })).toEqual(ids)
    expect(await idsOf({ room, limit: 2 })).toEqual(ids.slice(0, 2))
    expect(await idsOf({ room, limit: 10, before: ids[1] ?? newMeetingId() })).toEqual(ids.slice(2))
    expect(await idsOf({ room, state: 'cancelled', limit: 10 })).toEqual(ids.slice(1))
  })

  test.each([asMeetingId('no uuid'), asMeetingId("' OR true"), asMeetingId('\0'), newMeetingId()])(
    'an unknown id %j is a NotFoundError everywhere',
    async (id) => {
      const claim = { meetingId: id, epoch: 1 }
      const summary: SummaryRecord = { meetingId: id, model: 'm', createdAt: new Date(0).toISOString(), sections: [] }
      const calls = [
        () => store.meeting(id),
        () => store.meetingWithStep(id),
        () => store.requestStop(id),
        () => store.claim(id),
        () => store.finish(id),
        () => store.segments(id),
        () => store.gaps(id),
        () => store.spans(id),
        () => store.sessions(id),
        () => store.coverage(id),
        () => store.receipt(id),
        () => store.shares(id),
        () => store.saveSummary(summary),
        () => store.intendDelivery(id, 'slack', 'summary'),
        () => store.markDelivered(id, 'slack', 'summary', 'x'),
        () => store.setState(claim, 'live', null),
        () => store.appendSegments(claim, [segmentOf(newSessionId(), 1)]),
        () => store.adopt(claim, { segments: [segmentOf(newSessionId(), 1)], spans: [] }),
        () => store.appendGaps(claim, [gapFrom(0)]),
        () => store.saveSpans(claim, [spanOf(newSessionId(), 0, 1)]),
      ]
      for (const call of calls) await expect(call(), call.toString()).rejects.toBeInstanceOf(NotFoundError)
    },
  )

  test('36 I5 every write of an old epoch is refused and changes nothing', async () => {
    const old = await newClaim()
    const id = old.meetingId
    const session = newSessionId()
    const writes: ((claim: Claim) => Promise<unknown>)[] = [
      (claim) => store.setState(claim, 'live', null),
      (claim) => store.saveParticipants(claim, [{ identity: asIdentity('ana'), name: 'Ana', joinedMs: 0, leftMs: null }]),
      (claim) => store.saveSession(claim, sessionWith(session, 10)),
      (claim) => store.saveSpans(claim, [spanOf(session, 0, 10)]),
      (claim) => store.saveSpans(claim, []),
      (claim) => store.appendSegments(claim, [segmentOf(session, 1)]),
      (claim) => store.appendSegments(claim, []),
      (claim) => store.appendGaps(claim, [gapFrom(0)]),
      (claim) => store.appendGaps(claim, []),
      (claim) => store.saveCoverage(claim, [], true),
      (claim) => store.saveShare(claim, { epoch: old.epoch, rows: [], doubts: [] }),
    ]
    const current = await store.claim(id)
    expect(current.epoch).toBe(old.epoch + 1)
    const before = await store.meeting(id)
    for (const write of writes) await expect(write(old), write.toString()).rejects.toBeInstanceOf(ClaimLostError)
    expect(await store.meeting(id)).toEqual(before)
    expect([await store.segments(id), await store.spans(id), await store.gaps(id), await store.sessions(id)]).toEqual([[], [], [], []])
    expect([await store.coverage(id), await store.shares(id)]).toEqual([null, []])
    for (const write of writes) await write(current)
  })

  test('36 I5 writes that race with a claim are either before it or refused', async () => {
    const old = await newClaim()
    const session = newSessionId()
    const appends = Array.from({ length: 30 }, (_, n) =>
      store.appendSegments(old, [segmentOf(session, n)]).then(
        (stored) => stored.length,
        (error: unknown) => {
          expect(error).toBeInstanceOf(ClaimLostError)
          return 0
        },
      ),
    )
    const [current] = await Promise.all([store.claim(old.meetingId), Promise.all(appends)])
    const acknowledged = (await Promise.all(appends)).reduce((sum, count) => sum + count, 0)
    const atClaim = await store.segments(old.meetingId)
    expect(atClaim).toHaveLength(acknowledged)
    await store.appendSegments(current, [segmentOf(session, 99)])
    await expect(store.appendSegments(old, [segmentOf(session, 100)])).rejects.toBeInstanceOf(ClaimLostError)
  })

  test('28 of a session frames never shrink, and its id, its end and what it waited for then stay', async () => {
    const claim = await newClaim()
    const session = newSessionId()
    const pendingTexts = [{ identity: asIdentity('ana'), fromMs: 0, toMs: 900 }]
    const stored = async () => (await store.sessions(claim.meetingId))[0]
    await store.saveSession(claim, { ...sessionWith(session, 10), pendingTexts })
    await store.saveSession(claim, { ...sessionWith(session, 5), vendorId: null })
    expect(await stored()).toEqual({ ...sessionWith(session, 10), epoch: 1 })
    const over = { ...sessionWith(session, 20), endReason: 'session_lost', pendingTexts }
    await store.saveSession(claim, over)
    await store.saveSession(claim, sessionWith(session, 0))
    expect(await stored()).toEqual({ ...over, epoch: 1 })
    await store.saveSession(claim, { ...sessionWith(session, 30), endReason: 'done' })
    expect(await stored()).toEqual({ ...sessionWith(session, 30), endReason: 'done', epoch: 1 })
  })

  test('28 I1 I2 what the holder of an old claim heard is adopted, once, whoever has the meeting now', async () => {
    const old = await newClaim()
    const session = newSessionId()
    const mine = [segmentOf(session, 1), segmentOf(session, 2)]
    await store.appendSegments(old, [segmentOf(session, 1)])
    expect(await store.adopt(old, { segments: mine, spans: [spanOf(session, 0, 800)] })).toEqual({ stored: 1, isOver: false })
    const current = await store.claim(old.meetingId)
    expect(await store.adopt(old, { segments: mine, spans: [], gaps: [gapFrom(5_000)] })).toEqual({ stored: 0, isOver: true })
    expect(await store.gaps(old.meetingId)).toEqual([gapFrom(5_000)])
    expect(await store.adopt(current, { segments: [segmentOf(session, 3)], spans: [], sessions: [sessionWith(session, 10)] })).toEqual({
      stored: 1,
      isOver: false,
    })
    expect(await store.sessions(old.meetingId)).toEqual([{ ...sessionWith(session, 10), epoch: 2 }])
    await store.setState(current, 'failed', 'internal_fault')
    expect(await store.adopt(current, { segments: [segmentOf(session, 4)], spans: [] })).toEqual({ stored: 1, isOver: true })
    expect((await store.segments(old.meetingId)).map(({ seq, text }) => [seq, text])).toEqual([1, 2, 3, 4].map((n) => [n, `text ${n}`]))
    expect(await store.spans(old.meetingId)).toHaveLength(1)
  })

  test('28 I2 what the next holder had from a result without ids, and spans that end early, is not adopted again', async () => {
    const old = await newClaim()
    const session = newSessionId()
    const at = (utteranceId: string, startMs: number, endMs: number, text: string, channel = 0) =>
      segmentOf(session, 1, { id: asSegmentId(`${session}/${utteranceId}/0`), utteranceId, startMs, endMs, text, channel })
    const current = await store.claim(old.meetingId)
    await store.appendSegments(current, [
      at('result:0:80548', 81_777, 82_229, 'as it was cut'),
      // beyond the last span that is known: held to its end
      at('result:0:82993', 83_128, 83_128, 'late words'),
      at('result:1:82993', 83_128, 83_128, 'late words', 1),
    ])
    const mine = [
      at('00-26', 81_777, 83_559, 'told in other words'),
      at('00-27', 83_700, 84_900, 'some late words there'),
      at('00-28', 85_200, 85_900, 'late words'),
      at('01-27', 83_700, 84_900, 'others', 1),
    ]
    expect(await store.adopt(old, { segments: mine, spans: [] })).toEqual({ stored: 2, isOver: true })
    expect((await store.segments(old.meetingId)).slice(3).map(({ utteranceId }) => utteranceId)).toEqual(['00-28', '01-27'])
  })

  test('claims taken while segments are adopted do not keep them out', async () => {
    const old = await newClaim()
    const session = newSessionId()
    const adopting = Array.from({ length: 10 }, (_, n) => store.adopt(old, { segments: [segmentOf(session, n)], spans: [] }))
    await Promise.all([...adopting, ...Array.from({ length: 5 }, () => store.claim(old.meetingId))])
    expect(await store.segments(old.meetingId)).toHaveLength(10)
  })

  test('a final meeting cannot be claimed, stopped or moved on, and says how it ended', async () => {
    const claim = await newClaim()
    await store.setState(claim, 'failed', 'livekit_unreachable', { endedAt: '2026-01-01T00:00:00.000Z' })
    const ended = await store.meeting(claim.meetingId)
    expect(ended).toMatchObject({ state: 'failed', reason: 'livekit_unreachable', endedAt: '2026-01-01T00:00:00.000Z' })
    await expect(store.claim(claim.meetingId)).rejects.toBeInstanceOf(ConflictError)
    await expect(store.setState(claim, 'live', null)).rejects.toBeInstanceOf(ConflictError)
    await expect(store.setState(claim, 'failed', 'internal_fault')).rejects.toBeInstanceOf(ConflictError)
    await expect(store.finish(claim.meetingId)).rejects.toBeInstanceOf(ConflictError)
    expect(await store.requestStop(claim.meetingId)).toEqual(ended)
    // the same write again is a retry
    await store.setState(claim, 'failed', 'livekit_unreachable')
    expect(await store.meeting(claim.meetingId)).toEqual(ended)
  })

  test('times are kept from one state to the next, and an end gets one', async () => {
    const claim = await newClaim()
    await store.setState(claim, 'live', null, { startedAt: '2026-01-01T00:00:00.000Z' })
    await store.setState(claim, 'finalising', 'everybody_left', { endedAt: '2026-01-01T01:00:00.000Z' })
    await store.finish(claim.meetingId)
    await store.finish(claim.meetingId)
    // whoever wrote the end and was not answered writes it again: what follows the meeting may have been faster
    await store.setState(claim, 'finalising', 'everybody_left', { endedAt: '2026-01-01T01:00:02.000Z' })
    await expect(store.setState(claim, 'finalising', 'stopped')).rejects.toBeInstanceOf(ConflictError)
    expect(await store.meeting(claim.meetingId)).toMatchObject({
      state: 'done',
      reason: 'everybody_left',
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T01:00:00.000Z',
    })
    const failed = await newClaim()
    await store.setState(failed, 'failed', 'internal_fault')
    expect((await store.meeting(failed.meetingId)).endedAt).not.toBeNull()
  })

  test('a meeting that is not finalising cannot be finished', async () => {
    await expect(store.finish(await newMeeting())).rejects.toBeInstanceOf(ConflictError)
  })

  test('a stop cancels a meeting that waits, and flags one that runs', async () => {
    const waiting = await store.requestStop(await newMeeting())
    expect(waiting).toMatchObject({ state: 'cancelled', reason: 'stopped', stopRequested: true })
    expect(waiting.endedAt).not.toBeNull()
    const claim = await newClaim()
    await store.setState(claim, 'live', null)
    expect(await store.requestStop(claim.meetingId)).toMatchObject({ state: 'live', reason: null, stopRequested: true })
  })

  test('I2 segments are stored once however often they are appended, and numbered without holes', async () => {
    const claim = await newClaim()
    const session = newSessionId()
    const first = [segmentOf(session, 1), segmentOf(session, 2), segmentOf(session, 1, { text: 'again' })]
    expect((await store.appendSegments(claim, first)).map(({ seq, text }) => [seq, text])).toEqual([
      [1, 'text 1'],
      [2, 'text 2'],
    ])
    const next = [segmentOf(session, 2), segmentOf(session, 2, { part: 1 }), segmentOf(newSessionId(), 2)]
    expect((await store.appendSegments(claim, next)).map(({ seq }) => seq)).toEqual([3, 4])
    expect(await store.appendSegments(claim, first)).toEqual([])
    const stored = await store.segments(claim.meetingId)
    expect(stored.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(stored[0]).toEqual({ ...segmentOf(session, 1), seq: 1 })
    expect((await store.segments(claim.meetingId, 2)).map(({ seq }) => seq)).toEqual([3, 4])
  })

  test('concurrent appends of overlapping segments number each once, without holes, and become visible in order', async () => {
    const claim = await newClaim()
    const session = newSessionId()
    const seen: number[] = []
    let after = 0
    let isDone = false
    const reader = (async () => {
      // a reader that goes by `> seq` misses nothing: what it collects is complete and in order
      for (let last = false; !last;) {
        last = isDone
        for (const { seq } of await store.segments(claim.meetingId, after)) {
          seen.push(seq)
          after = seq
        }
      }
    })()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => store.appendSegments(claim, [segmentOf(session, n), segmentOf(session, n + 1)])),
    )
    isDone = true
    await reader
    const numbers = Array.from({ length: 41 }, (_, n) => n + 1)
    expect(
      answers
        .flat()
        .map(({ seq }) => seq)
        .sort((a, b) => a - b),
    ).toEqual(numbers)
    expect(seen).toEqual(numbers)
  })

  test('NUL and half characters in any text become U+FFFD and break nothing', async () => {
    const bad = 'a\0b\ud83dc\udc00d 😀'
    const good = 'a\uFFFDb\uFFFDc\uFFFDd 😀'
    const { meeting } = await store.create(requestFor(`${newRoom()}${bad}`, { title: bad, vocabulary: [bad] }))
    expect(meeting).toMatchObject({ title: good, vocabulary: [good] })
    const claim = await store.claim(meeting.id)
    const session = newSessionId()
    const word = { text: bad, startMs: 0, endMs: 1, confidence: 1 }
    const [segment] = await store.appendSegments(claim, [segmentOf(session, 1, { text: bad, words: [word] })])
    expect(segment).toMatchObject({ text: good, words: [{ text: good }] })
    expect(await store.segments(meeting.id)).toEqual([segment])
    await store.saveParticipants(claim, [{ identity: asIdentity('ana'), name: bad, joinedMs: 0, leftMs: null }])
    await store.saveSession(claim, { ...sessionWith(session, 1), vendorId: bad })
    await store.saveSpans(claim, [{ ...spanOf(session, 0, 1), identity: asIdentity(bad) }])
    await store.appendGaps(claim, [{ ...gapFrom(0), identity: asIdentity(bad) }])
    const sections = [{ kind: 'overview' as const, lines: [{ text: bad, owner: bad, segmentIds: [] }] }]
    await store.saveSummary({ meetingId: meeting.id, model: bad, createdAt: new Date(0).toISOString(), sections })
    expect((await store.summary(meeting.id))?.sections[0]?.lines[0]?.text).toBe(good)
    await store.intendDelivery(meeting.id, bad, bad)
    await store.markDelivered(meeting.id, bad, bad, bad)
  })

  test('I3 a span is written again with a larger end, never a smaller one', async () => {
    const claim = await newClaim()
    const session = newSessionId()
    await store.saveSpans(claim, [spanOf(session, 0, 800), spanOf(session, 0, 1600), spanOf(session, 4000, 4800)])
    await store.saveSpans(claim, [spanOf(session, 0, 800), spanOf(session, 4000, 9_000_000_000)])
    expect(await store.spans(claim.meetingId)).toEqual([spanOf(session, 0, 1600), spanOf(session, 4000, 9_000_000_000)])
  })

  test('sessions come back in order, their counts only grow', async () => {
    const claim = await newClaim()
    const [first, second] = [newSessionId(), newSessionId()]
    await store.saveSession(claim, sessionWith(second, 10))
    await store.saveSession(claim, sessionWith(first, 20))
    await store.saveSession(claim, { ...sessionWith(second, 4), endReason: 'done' })
    const sessions = [
      { ...sessionWith(second, 10), endReason: 'done', epoch: 1 },
      { ...sessionWith(first, 20), epoch: 1 },
    ]
    const pendingTexts = [{ identity: asIdentity('ann'), fromMs: 1.5, toMs: 2_000 }]
    await store.saveSession(claim, { ...sessionWith(first, 20), pendingTexts })
    expect((await store.sessions(claim.meetingId)).map((one) => one.pendingTexts)).toEqual([undefined, pendingTexts])
    await store.saveSession(claim, sessionWith(first, 20))
    expect(await store.sessions(claim.meetingId)).toEqual(sessions)
    expect(await store.receipt(claim.meetingId)).toEqual({ coverage: null, sessions, gaps: [] })
  })

  test('30 shares of coverage come back by epoch, the last version of each', async () => {
    const claim = await newClaim()
    const { meetingId } = claim
    const share = (epoch: number, speechMs: number) => ({ epoch, rows: [coverageRow({ speechMs })], doubts: ['session' as const] })
    expect(await store.shares(meetingId)).toEqual([])
    await store.saveShare(claim, share(2, 20))
    await store.saveShare(claim, share(1, 10))
    await store.saveShare(claim, { epoch: 2, rows: [], doubts: [] })
    expect(await store.shares(meetingId)).toEqual([share(1, 10), { epoch: 2, rows: [], doubts: [] }])
    // they are no receipt
    expect(await store.coverage(meetingId)).toBeNull()
  })

  test('gaps, coverage and participants come back as written, a repeated gap once', async () => {
    const claim = await newClaim()
    await store.appendGaps(claim, [gapFrom(0), gapFrom(1.5)])
    await store.appendGaps(claim, [gapFrom(0)])
    expect(await store.gaps(claim.meetingId)).toEqual([gapFrom(0), gapFrom(1.5)])
    expect(await store.coverage(claim.meetingId)).toBeNull()
    const row = coverageRow({ identity: asIdentity('ana'), name: 'Ana', speechMs: 5, lostMs: 1, noisy: true, gaps: [gapFrom(0)] })
    await store.saveCoverage(claim, [row], false, ['lost', 'session'])
    expect(await store.coverage(claim.meetingId)).toEqual({ rows: [row], complete: false, doubts: ['lost', 'session'] })
    await store.saveCoverage(claim, [row], true)
    expect(await store.coverage(claim.meetingId)).toEqual({ rows: [row], complete: true, doubts: [] })
    expect(await store.receipt(claim.meetingId)).toEqual({
      coverage: { rows: [row], complete: true, doubts: [] },
      sessions: [],
      gaps: [gapFrom(0), gapFrom(1.5)],
    })
    const people = [{ identity: asIdentity('ana'), name: 'Ana', joinedMs: 0, leftMs: 10 }]
    await store.saveParticipants(claim, people)
    expect((await store.meeting(claim.meetingId)).participants).toEqual(people)
  })

  test('a summary is replaced, a delivery is intended once and kept as sent', async () => {
    const id = await newMeeting()
    expect(await store.summary(id)).toBeNull()
    const summary: SummaryRecord = { meetingId: id, model: 'one', createdAt: '2026-01-01T00:00:00.000Z', sections: [] }
    await store.saveSummary(summary)
    await store.saveSummary({ ...summary, model: 'two' })
    expect(await store.summary(id)).toEqual({ ...summary, model: 'two' })
    const intended = { destination: 'slack', part: 'summary', state: 'intended', reference: null }
    const all = await Promise.all(Array.from({ length: 5 }, () => store.intendDelivery(id, 'slack', 'summary')))
    for (const delivery of all) expect(delivery).toEqual(intended)
    await store.markDelivered(id, 'slack', 'summary', 'C1:1.2')
    const sent = { ...intended, state: 'sent', reference: 'C1:1.2' }
    expect(await store.intendDelivery(id, 'slack', 'summary')).toEqual(sent)
    expect(await store.deliveries(id)).toEqual([sent])
    await expect(store.markDelivered(id, 'slack', 'thread', 'x')).rejects.toBeInstanceOf(NotFoundError)
  })

  test('the feed tells states, segments in order of seq, and gaps stored after the subscription, once each', async () => {
    const claim = await newClaim()
    const session = newSessionId()
    await store.appendSegments(claim, [segmentOf(session, 0)])
    const feed = new FeedRecorder()
    const unsubscribe = store.subscribe(claim.meetingId, feed.listener)
    const written = [
      store.setState(claim, 'live', null),
      ...Array.from({ length: 20 }, (_, n) => store.appendSegments(claim, [segmentOf(session, n + 1)])),
      store.appendGaps(claim, [gapFrom(0)]),
      store.appendGaps(claim, [gapFrom(0)]),
    ]
    await Promise.all(written)
    await feed.reach(22)
    await store.requestStop(claim.meetingId)
    await feed.reach(23)
    expect(feed.seqs).toEqual(Array.from({ length: 20 }, (_, n) => n + 2))
    expect(feed.events.filter(({ kind }) => kind === 'gap')).toEqual([{ kind: 'gap', gap: gapFrom(0), n: expect.any(Number) }])
    expect(feed.events.filter(({ kind }) => kind === 'state')).toEqual([
      { kind: 'state', state: 'live', reason: null },
      { kind: 'state', state: 'live', reason: null },
    ])
    const late = new FeedRecorder()
    const leave = store.subscribe(claim.meetingId, late.listener, 19)
    await late.reach(2)
    expect(late.seqs).toEqual([20, 21])
    leave()
    unsubscribe()
    await store.setState(claim, 'draining', 'stopped')
    expect(feed.events).toHaveLength(23)
  })

  test('it answers a ping', async () => {
    await store.ping()
  })
})
