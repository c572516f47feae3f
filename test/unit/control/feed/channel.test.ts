import { expect, test } from 'vitest'
import { LiveChannel, type LiveSink } from '../../../../src/control/feed/channel.js'
import { deferred } from '../../../../src/core/deferred.js'
import { asIdentity, newSessionId, type MeetingId } from '../../../../src/core/ids.js'
import { Scope } from '../../../../src/core/scope.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { LiveActivity, LivePartial, PartialFeed } from '../../../../src/records/partials.js'
import type { StoredSegment } from '../../../../src/records/port.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { requestFor, segmentOf } from '../../../support/records.js'

const who = (speaking: readonly string[], waiting: readonly string[] = []): LiveActivity => ({
  speaking: speaking.map(asIdentity),
  waiting: waiting.map(asIdentity),
})

/** Keeps what a reader is told. */
class KeepingSink implements LiveSink {
  backlog = 0
  text = ''
  isClosed = false

  write(chunk: Buffer): void {
    this.text += chunk.toString()
  }
  drained(): Promise<void> {
    return Promise.resolve()
  }
  close(): void {
    this.isClosed = true
  }

  /** the names of all events, in order */
  get events(): readonly string[] {
    return [...this.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name ?? '')
  }

  /** the blocks of the stream that say who speaks */
  get activity(): readonly string[] {
    return this.text.split('\n\n').filter((one) => one.includes('event: activity'))
  }
}

/** Partials of this process. */
class FakePartials implements PartialFeed {
  #partials: ((told: readonly LivePartial[]) => void) | null = null
  #activity: ((told: LiveActivity) => void) | null = null

  publish(_id: MeetingId, told: readonly LivePartial[]): void {
    this.#partials?.(told)
  }
  publishActivity(_id: MeetingId, told: LiveActivity): void {
    this.#activity?.(told)
  }
  subscribe(_id: MeetingId, listener: (told: readonly LivePartial[]) => void): () => void {
    this.#partials = listener
    return () => (this.#partials = null)
  }
  subscribeActivity(_id: MeetingId, listener: (told: LiveActivity) => void): () => void {
    this.#activity = listener
    return () => (this.#activity = null)
  }
  get isHeard(): boolean {
    return this.#partials !== null || this.#activity !== null
  }
}

/** A store whose segments are read when the test lets it. */
class HeldStore extends MemoryStore {
  gate: Promise<void> = Promise.resolve()

  override async segments(...args: Parameters<MemoryStore['segments']>): Promise<readonly StoredSegment[]> {
    await this.gate
    return super.segments(...args)
  }
}

/** @param stored segments before the channel is opened */
async function stage(stored = 0) {
  const clock = new ManualClock()
  const scope = new Scope()
  const store = new HeldStore()
  const { meeting } = await store.create(requestFor('room'))
  const claim = await store.claim(meeting.id)
  await store.setState(claim, 'live', null)
  for (let n = 1; n <= stored; n++) await store.appendSegments(claim, [segmentOf(newSessionId(), n)])
  const partials = new FakePartials()
  const shown = { state: (of: object, stuck: object | null) => ({ ...of, stuck }), segment: (of: object) => of, gap: (of: object) => of }
  const channel = await LiveChannel.open(meeting.id, { store, partials, shown, clock, logger: silentLogger, scope })
  // it has looked at its meeting
  await clock.settle()
  const read = async () => {
    const sink = new KeepingSink()
    channel.add(sink, { seq: 0, gap: 0 })
    await clock.settle()
    return sink
  }
  const tell = (activity: LiveActivity) => partials.publishActivity(meeting.id, activity)
  const close = async () => {
    channel.close()
    await scope.close()
    expect([clock.pending, partials.isHeard]).toEqual([0, false])
  }
  return { clock, store, claim, channel, read, tell, close }
}

const event = (activity: LiveActivity) => `event: activity\ndata: ${JSON.stringify(activity)}`

test('a state is told with the step that holds the meeting up, and again when that changes', async () => {
  const { clock, store, claim, read, close } = await stage()
  const stuck = { id: 'job', step: 'deliver' as const, attempts: 5, reason: 'slack is away', failedAt: '2030-01-01T00:00:00.000Z' }
  const held = new Map<MeetingId, typeof stuck>()
  store.steps = { stuck: () => Promise.resolve(held) }
  const one = await read()
  await clock.advance(2_000)
  expect(one.text).toContain('"stuck":null')
  held.set(claim.meetingId, stuck)
  await clock.advance(2_000)
  expect(one.text).toContain(`"stuck":${JSON.stringify(stuck)}`)
  await close()
})

test('H6 who speaks is told when it changes, without an id, the newest of 150 ms, and the same once', async () => {
  const { clock, store, claim, read, tell, close } = await stage()
  const one = await read()
  await clock.advance(1000)
  expect(one.activity).toEqual([])
  await store.appendSegments(claim, [segmentOf(newSessionId(), 1)])
  tell(who(['ann']))
  tell(who(['ann', 'bob']))
  tell(who(['ann'], ['bob']))
  await clock.advance(200)
  for (let at = 0; at < 10; at++) {
    tell(who(['ann'], ['bob']))
    await clock.advance(3000)
  }
  expect(one.activity).toEqual([event(who(['ann'], ['bob']))])
  tell(who([]))
  await clock.advance(200)
  expect(one.activity).toEqual([event(who(['ann'], ['bob'])), event(who([]))])
  expect(one.text.match(/^id: .*/gm)).toEqual(['id: 1.0'])
  await close()
})

test('H6 whoever begins to read is told the present one after what is stored, and nothing where nobody has ever told', async () => {
  const { clock, store, claim, read, tell, close } = await stage()
  await store.appendSegments(claim, [segmentOf(newSessionId(), 1)])
  const early = await read()
  tell(who(['ann']))
  await clock.advance(200)
  tell(who(['bob']))
  await clock.advance(200)
  const late = await read()
  expect(early.activity).toEqual([event(who(['ann'])), event(who(['bob']))])
  expect(late.activity).toEqual([event(who(['bob']))])
  expect(late.events).toEqual(['state', 'segment', 'activity'])
  await clock.advance(1000)
  expect(late.activity).toHaveLength(1)
  await close()
})

test('H3 H6 whoever still reads what is stored is told who speaks afterwards', async () => {
  const { clock, store, read, tell, close } = await stage(1)
  const gate = deferred()
  store.gate = gate.promise
  const one = await read()
  tell(who(['ann']))
  await clock.advance(500)
  expect(one.events).toEqual(['state'])
  gate.resolve()
  await clock.settle()
  expect(one.events).toEqual(['state', 'segment', 'activity'])
  await close()
})

test('H6 whoever is behind is told the present one once they keep up, not what was meanwhile', async () => {
  const { clock, read, tell, close } = await stage()
  const slow = await read()
  slow.backlog = 300 * 1024
  for (const name of ['ann', 'bob', 'cyd']) {
    tell(who([name]))
    await clock.advance(200)
  }
  expect(slow.activity).toEqual([])
  slow.backlog = 0
  await clock.advance(200)
  expect(slow.activity).toEqual([event(who(['cyd']))])
  await close()
})

test('H6 who speaks is forgotten when nobody has told it again for 10 s: whoever told has died', async () => {
  const { clock, read, tell, close } = await stage()
  const one = await read()
  tell(who(['ann']))
  await clock.advance(9_900)
  expect(one.activity).toEqual([event(who(['ann']))])
  await clock.advance(400)
  expect(one.activity).toEqual([event(who(['ann'])), event(who([]))])
  await close()
})

test('H5 after `end` nobody is told who speaks', async () => {
  const { clock, store, claim, read, tell, close } = await stage()
  const one = await read()
  tell(who(['ann']))
  await clock.advance(200)
  await store.setState(claim, 'finalising', 'stopped')
  await store.finish(claim.meetingId)
  await clock.settle()
  const late = await read()
  expect(one.isClosed).toBe(true)
  expect([one.events.at(-1), late.events]).toEqual(['end', ['state', 'end']])
  await close()
})

test('H4 a thousand readers are told twice a second what a few are told at once', async () => {
  const changesTold = async (readers: number) => {
    const { clock, read, channel, tell, close } = await stage()
    const one = await read()
    for (let at = 1; at < readers; at++) channel.add(new KeepingSink(), { seq: 0, gap: 0 })
    await clock.settle()
    for (let at = 0; at < 30; at++) {
      tell(who([`p${at}`]))
      await clock.advance(100)
    }
    await close()
    return one.activity.length
  }
  expect(await changesTold(2)).toBe(20)
  expect(await changesTold(1_000)).toBe(5)
})
