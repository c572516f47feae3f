import { expect, test } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { isRetold, notRetold } from '../../../../src/live/transcript/retold.js'
import { segment } from './fixtures.js'

const cy = asIdentity('cy')
const eve = asIdentity('eve')
const told = segment({ identity: cy, startMs: 600, endMs: 2800, text: 'good morning everybody', utteranceId: 'v0-0' })
const result = (change: Parameters<typeof segment>[0]) => segment({ utteranceId: 'result:0:600', ...change })

test.each([
  ['the same person at the same time', { identity: cy, startMs: 620, endMs: 2700, text: 'Good morning' }, true],
  ['the same words of nobody, for want of spans', { identity: null, startMs: 600, endMs: 1200, text: 'morning everybody' }, true],
  ['other words of nobody', { identity: null, startMs: 900, endMs: 1200, text: 'hello' }, false],
  ['somebody who had waited, after it on that channel', { identity: eve, startMs: 850, endMs: 1000, text: 'hello' }, false],
  ['somebody who said the same', { identity: eve, startMs: 850, endMs: 1000, text: 'good morning' }, false],
  ['the same person later', { identity: cy, startMs: 9000, endMs: 9900, text: 'good morning everybody' }, false],
  ['another channel', { identity: cy, startMs: 620, endMs: 2700, text: 'good morning everybody', channel: 1 }, false],
])('a text without an id is told again: %s', (_, change, isAgain) => {
  expect(isRetold(result(change), told)).toBe(isAgain)
  expect(notRetold([result(change)], [told])).toHaveLength(isAgain ? 0 : 1)
})

test.each([
  ['many words of nobody, dated by a span that is far', null, 'good morning to all of you', true],
  ['few words of nobody, which may have been said again', null, 'good morning', false],
  ['many words of the same person', cy, 'good morning to all of you', false],
])('a text without an id of another time is told again: %s', (_, identity, text, isAgain) => {
  expect(isRetold(result({ identity, startMs: 8_400, endMs: 8_400, text }), { ...told, startMs: 11_250, endMs: 13_000, text })).toBe(
    isAgain,
  )
})

test('two that both have ids, or both none, are two', () => {
  expect(isRetold({ ...told, utteranceId: 'v0-1' }, told)).toBe(false)
  expect(isRetold(result(told), result(told))).toBe(false)
})
