import { expect, test } from 'vitest'
import { Follower } from '../../../src/app/follow.js'
import { asIdentity, newSessionId } from '../../../src/core/ids.js'
import { Scope } from '../../../src/core/scope.js'
import { utteranceKey, type LivePartial } from '../../../src/records/partials.js'
import type { SpokenLine } from '../../../src/app/observe.js'
import { ManualClock } from '../../support/manual-clock.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor, segmentOf } from '../../support/records.js'

const ana = asIdentity('ana')
const session = newSessionId()

async function rig() {
  const clock = new ManualClock()
  const store = new MemoryStore()
  const { meeting } = await store.create(requestFor('r'))
  const claim = await store.claim(meeting.id)
  await store.setState(claim, 'joining', null)
  await store.setState(claim, 'waiting', null)
  await store.setState(claim, 'live', null)
  await store.saveParticipants(claim, [{ identity: ana, name: 'Ana', joinedMs: 0, leftMs: null }])
  const listeners = new Set<(partials: readonly LivePartial[]) => void>()
  const partials = {
    subscribe: (_: unknown, listener: (told: readonly LivePartial[]) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const told: string[] = []
  const keys: string[] = []
  const line = (kind: string) => (spoken: SpokenLine) => {
    keys.push(spoken.key)
    told.push(`${kind} ${spoken.name}: ${spoken.text}`)
  }
  const failures: Error[] = []
  const scope = new Scope((_, error) => failures.push(error))
  const watcher = {
    interim: line('interim'),
    final: line('final'),
    state: (state: string, reason: string | null) => told.push(`${state} ${reason}`),
  }
  const follower = new Follower({ store, partials }, meeting.id, watcher, scope)
  const say = (n: number) => store.appendSegments(claim, [segmentOf(session, n)])
  const partial = (n: number) => {
    const { identity, startMs, endMs, text } = segmentOf(session, n)
    const id = utteranceKey(segmentOf(session, n))
    for (const listener of listeners) listener([{ id, identity, name: 'Ana', startMs, endMs, text }])
  }
  return { clock, store, claim, listeners, told, keys, failures, scope, follower, say, partial }
}

test('whoever follows is told the state, what was said before, what is said, and each change once', async () => {
  const { clock, store, claim, told, keys, scope, follower, say, partial } = await rig()
  await say(1)
  follower.start()
  follower.start()
  await clock.settle()
  partial(2)
  await say(2)
  await store.saveParticipants(claim, [{ identity: ana, name: 'Ana Maria', joinedMs: 0, leftMs: null }])
  await clock.settle()
  await say(3)
  await store.setState(claim, 'draining', 'stopped')
  await clock.settle()
  expect(told).toEqual([
    'live null',
    'final Ana: text 1',
    'interim Ana: text 2',
    'final Ana: text 2',
    'final Ana Maria: text 3',
    'draining stopped',
  ])
  // what is final replaces what was interim
  expect(keys[1]).toBe(keys[2])
  follower.stop()
  await scope.close()
})

test('a stopped follower is told nothing, and started again nothing twice', async () => {
  const { clock, listeners, told, scope, follower, say } = await rig()
  follower.start()
  follower.stop()
  await clock.settle()
  expect([listeners.size, told]).toEqual([0, ['live null']])
  await say(1)
  follower.start()
  await clock.settle()
  follower.stop()
  follower.stop()
  await say(2)
  follower.start()
  await clock.settle()
  await say(3)
  expect(told).toEqual(['live null', 'final Ana: text 1', 'final Ana: text 3'])
  follower.stop()
  expect(listeners.size).toBe(0)
  await scope.close()
})

test('a store that does not answer at first keeps nobody from following', async () => {
  const { clock, store, told, failures, scope, follower, say } = await rig()
  const meeting = store.meeting.bind(store)
  store.meeting = () => Promise.reject(new Error('away'))
  follower.start()
  await clock.settle()
  store.meeting = meeting
  await say(1)
  expect([told, failures.map(({ message }) => message)]).toEqual([['final ana: text 1'], ['away']])
  follower.stop()
  await scope.close()
})
