import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { RENDER_FORMATS, renderTranscript } from '../../../../src/live/transcript/render/render.js'
import { withDistinctNames } from '../../../../src/live/transcript/render/speakers.js'
import type { CoverageRow } from '../../../../src/live/transcript/segment.js'
import { documentOf } from './fixtures.js'

/** A transcript in which these people speak, one second each. */
const spoken = (...people: readonly (readonly [identity: string | null, name: string | null])[]) =>
  documentOf(
    people.map(([identity, name], at) => ({
      identity: identity === null ? null : asIdentity(identity),
      name,
      utteranceId: `u${at}`,
      startMs: at * 1000,
      endMs: at * 1000 + 900,
      text: `text ${at}`,
      words: [],
    })),
  )
const names = (...people: readonly (readonly [string | null, string | null])[]) =>
  withDistinctNames(spoken(...people)).segments.map(({ name }) => name)

test('the second of two identities with one name gets a number, wherever it speaks', () => {
  expect(names(['a', 'Alex'], ['b', 'Alex'], ['a', 'Alex'], ['c', 'Bo'], ['b', 'Alex'])).toEqual([
    'Alex',
    'Alex (2)',
    'Alex',
    'Bo',
    'Alex (2)',
  ])
})

test('a number never makes a name that somebody bears, and nobody is shown as an unknown speaker', () => {
  expect(names(['a', 'Alex'], ['b', 'Alex'], ['c', 'Alex (2)'])).toEqual(['Alex', 'Alex (3)', 'Alex (2)'])
  expect(names(['a', 'Unknown speaker'], [null, null])).toEqual(['Unknown speaker (2)', null])
})

test('names are alike when they are shown alike, and those who say nothing count too', () => {
  expect(names(['a', 'Alex '], ['b', 'Alex'], ['c', ''], ['d', 'c'])).toEqual(['Alex ', 'Alex (2)', '', 'c (2)'])
  const document = spoken(['a', 'Alex'])
  const row = { identity: asIdentity('b'), name: 'Alex' } as CoverageRow
  expect(withDistinctNames({ ...document, coverage: [row] }).coverage[0]!.name).toBe('Alex (2)')
})

test('every format but json tells two of one name apart; json keeps the name beside the identity', () => {
  const document = spoken(['a', 'Alex'], ['b', 'Alex'])
  for (const format of RENDER_FORMATS) {
    const text = renderTranscript(document, format)
    if (format === 'json') expect(text).not.toContain('(2)')
    // Markdown escapes the brackets
    else expect(text.replaceAll('\\', '')).toMatch(/Alex\b(?! \(2\))[\s\S]*Alex \(2\)/)
  }
})

test('whatever the names are: two people never share one', () => {
  const name = fc.oneof(fc.constantFrom('Alex', 'Alex (2)', 'Alex (3)', 'Alex (2) (2)', 'Unknown speaker', '', 'a', 'b'), fc.string())
  const people = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), name), { selector: ([identity]) => identity })
  fc.assert(
    fc.property(people, (all) => {
      const text = renderTranscript(spoken(...all), 'txt')
      const shown = [...text.matchAll(/^\[\d\d:\d\d:\d\d\] (.*): text \d+$/gm)].map(([, who]) => who)
      expect(shown.length).toBe(all.length)
      expect(new Set(shown).size).toBe(all.length)
      expect(shown).not.toContain('Unknown speaker')
    }),
  )
})
