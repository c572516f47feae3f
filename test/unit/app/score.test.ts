import { describe, expect, it } from 'vitest'
import { score, type HeardLine, type SaidLine } from '../../../src/app/demo/score.js'
import { editDistance } from '../../../src/core/edit-distance.js'
import { wordsOf } from '../../../src/app/demo/words.js'

const said = (identity: string, text: string, startedMs: number, endedMs: number): SaidLine => ({ identity, text, startedMs, endedMs })
const heard = (identity: string | null, text: string, startMs: number, endMs: number, atMs = endMs + 500): HeardLine => ({
  identity,
  text,
  startMs,
  endMs,
  atMs,
})

describe('score of a scripted meeting', () => {
  it('finds nothing wrong in a faithful transcript and measures its lag', () => {
    const result = score([said('a', 'good morning everyone', 1000, 2000)], [heard('a', 'Good morning, everyone.', 1010, 1990, 2700)])
    expect(result).toMatchObject({ wrongName: 0, unknownName: 0, wordErrorRate: 0, segments: 1, finalLagMs: { p50: 700, p95: 700 } })
  })

  it('calls a name wrong whose owner was silent', () => {
    const lines = [said('a', 'good morning', 1000, 2000), said('b', 'thank you', 20_000, 21_000)]
    expect(score(lines, [heard('b', 'Good morning.', 1000, 2000)]).wrongName).toBe(1)
  })

  it('calls swapped names wrong when two people speak at once', () => {
    const lines = [said('a', 'we need another engineer', 1000, 3000), said('b', 'please update the calendar', 1100, 3100)]
    const swapped = [heard('b', 'We need another engineer.', 1000, 3000), heard('a', 'Please update the calendar.', 1100, 3100)]
    expect(score(lines, swapped).wrongName).toBe(2)
    const right = [heard('a', 'We need another engineer.', 1000, 3000), heard('b', 'Please update the calendar.', 1100, 3100)]
    expect(score(lines, right).wrongName).toBe(0)
  })

  it('counts unknown speakers apart and their words as missing', () => {
    const result = score([said('a', 'good morning', 1000, 2000)], [heard(null, 'Good morning.', 1000, 2000)])
    expect(result).toMatchObject({ unknownName: 1, wrongName: 0, wordErrorRate: 1 })
  })

  it('counts insertions, deletions and substitutions', () => {
    expect(editDistance(wordsOf('the cat sat'), wordsOf('the bat sat down'))).toBe(2)
    expect(editDistance(wordsOf('one two three'), [])).toBe(3)
  })
})
