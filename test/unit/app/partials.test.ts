import { expect, test } from 'vitest'
import { livePartials, tellingPartials } from '../../../src/app/partials.js'
import { asIdentity, asMeetingId, newSessionId } from '../../../src/core/ids.js'
import { packNotices } from '../../../src/records/sql/partial-notices.js'
import { segmentOf } from '../../support/records.js'

const session = newSessionId()

test('the parts of one utterance are one partial, in the name of whoever began it', () => {
  const parts = [
    segmentOf(session, 1, { text: 'good', endMs: 1500 }),
    segmentOf(session, 1, { part: 1, identity: asIdentity('bob'), text: 'morning', endMs: 1900 }),
    segmentOf(session, 2, { identity: null }),
  ]
  expect(livePartials(parts, (identity) => identity.toUpperCase())).toEqual([
    { id: `${session}/utterance 1`, identity: 'ana', name: 'ANA', startMs: 1000, endMs: 1900, text: 'good morning' },
    { id: `${session}/utterance 2`, identity: null, name: null, startMs: 2000, endMs: 2800, text: 'text 2' },
  ])
})

test('whoever watches from outside is told what is being said and who speaks, and so is the observer', () => {
  const told: unknown[] = []
  const feed = {
    publish: (...args: unknown[]) => told.push(['feed', ...args]),
    publishActivity: (...args: unknown[]) => told.push(['feed', ...args]),
  }
  const own = { interim: () => told.push('interim'), activity: () => told.push('activity'), state: () => told.push('state') }
  const id = asMeetingId('m')
  const nameOf = (identity: string) => identity
  const interim = [segmentOf(session, 1)]
  const activity = { speaking: [asIdentity('ana')], waiting: [] }
  const watched = tellingPartials(own, id, feed)
  watched.interim?.(interim, nameOf)
  watched.activity?.(activity)
  watched.state?.('live', null)
  tellingPartials({}, id, feed).activity?.(activity)
  expect(told).toEqual([
    'interim',
    ['feed', id, livePartials(interim, nameOf)],
    'activity',
    ['feed', id, activity],
    'state',
    ['feed', id, activity],
  ])
})

test('notices fit into what PostgreSQL takes, whatever the texts are: long ones keep their end', () => {
  const partials = Array.from({ length: 30 }, (_, n) => ({
    id: `u${n}`,
    identity: asIdentity('ana'),
    name: 'Ana',
    startMs: 0,
    endMs: 1,
    text: `${'\u{1F600}'.repeat(n * 100)}end ${n}`,
  }))
  const notices = packNotices('m', 'o', partials)
  expect(notices.every((notice) => Buffer.byteLength(notice) <= 7500)).toBe(true)
  const told = notices.flatMap((notice) =>
    (JSON.parse(notice) as { partials: { text: string }[] }).partials.map(({ text }) => text.slice(-7)),
  )
  expect(told).toEqual(partials.map(({ text }) => text.slice(-7)))
})
