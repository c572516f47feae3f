import { afterEach, expect, test } from 'vitest'
import { Authenticator, newKey, SETTINGS_KEY } from '../../../../src/control/auth/authenticator.js'
import { OpenFeeds } from '../../../../src/control/auth/open-feeds.js'
import { deferred } from '../../../../src/core/deferred.js'
import { asMeetingId } from '../../../../src/core/ids.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import { API_KEY } from '../../../support/api-rig.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryAccess } from '../../../support/memory-access.js'

const takeOut: (() => void)[] = []
afterEach(() => {
  for (const remove of takeOut.splice(0)) remove()
})

function rig() {
  const access = new MemoryAccess()
  const clock = new ManualClock(1_700_000_000_000)
  const authenticator = new Authenticator(access, clock, API_KEY)
  const feeds = new OpenFeeds({ authenticator, clock, logger: silentLogger })
  const ended: string[] = []
  const open = (id: string, name = id, expiresMs: number | null = null) => {
    const remove = feeds.add({ id, expiresMs }, () => ended.push(name))
    takeOut.push(remove)
    return remove
  }
  const keyFor = async () => {
    const { key, hash } = newKey()
    const { id } = await access.createKey({ name: 'n', scopes: ['meetings:read'], rooms: null }, hash)
    return { id, key }
  }
  return { access, clock, authenticator, feeds, ended, open, keyFor }
}

test('a feed ends within 5 s of the revocation of its key elsewhere, and nobody else; its key opens nothing any more', async () => {
  const { access, clock, authenticator, ended, open, keyFor } = rig()
  const [one, other] = [await keyFor(), await keyFor()]
  open(one.id, 'a')
  open(one.id, 'b')
  open(other.id)
  open(SETTINGS_KEY)
  await clock.advance(10_000)
  expect(await authenticator.ofKey(one.key)).not.toBeNull()
  expect(ended).toEqual([])
  await access.revokeKey(one.id)
  await clock.advance(4_999)
  expect(ended).toEqual(['a', 'b'])
  expect(await authenticator.ofKey(one.key)).toBeNull()
  await clock.advance(10_000)
  expect(ended).toEqual(['a', 'b'])
})

test('a feed of a key that is revoked here ends at once', async () => {
  const { access, feeds, ended, open, keyFor } = rig()
  const { id } = await keyFor()
  open(id)
  await access.revokeKey(id)
  await feeds.look()
  expect(ended).toEqual([id])
})

test('a feed of a link or a session ends within 5 s of its end', async () => {
  const { clock, authenticator, ended, open } = rig()
  const caller = await authenticator.ofKey(API_KEY)
  expect(caller?.expiresMs).toBeNull()
  const meeting = asMeetingId('0199aaaa-0000-7000-8000-000000000000')
  const link = await authenticator.link(caller!, meeting, false, clock.nowMs() + 60_000)
  const session = await authenticator.session(caller!, clock.nowMs() + 90_000)
  for (const of of [await authenticator.ofToken(link, 'link'), await authenticator.ofToken(session, 'session')])
    open(of?.id ?? '', of?.meetingId ?? 'session', of?.expiresMs ?? null)
  await clock.advance(59_999)
  expect(ended).toEqual([])
  await clock.advance(5_000)
  expect(ended).toEqual([meeting])
  await clock.advance(30_000)
  expect(ended).toEqual([meeting, 'session'])
})

test('a thousand readers are one timer and one question every 2 s; none, no timer', async () => {
  const { access, clock, open, keyFor } = rig()
  const keys = await Promise.all(Array.from({ length: 10 }, keyFor))
  const removes = Array.from({ length: 1000 }, (_, n) => open(keys[n % 10]!.id))
  expect(clock.pending).toBe(1)
  await clock.advance(20_000)
  expect(access.lookups).toBe(10)
  for (const remove of removes) remove()
  expect(clock.pending).toBe(0)
  await clock.advance(20_000)
  expect(access.lookups).toBe(10)
})

test('while the store does not answer nobody is sent away for it, and one question waits', async () => {
  const { access, clock, ended, open, keyFor } = rig()
  const { id } = await keyFor()
  open(id)
  open(SETTINGS_KEY, 'link', clock.nowMs() + 10_000)
  const validKeys = access.validKeys.bind(access)
  const held = deferred<ReadonlySet<string>>()
  let asked = 0
  access.validKeys = () => {
    asked++
    return held.promise
  }
  await clock.advance(30_000)
  expect([asked, ended]).toEqual([1, ['link']])
  access.validKeys = validKeys
  held.reject(new Error('away'))
  await clock.advance(2_000)
  expect(ended).toEqual(['link'])
  await access.revokeKey(id)
  await clock.advance(2_000)
  expect(ended).toEqual(['link', id])
})
