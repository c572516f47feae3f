import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../../src/core/errors.js'
import { DEFAULTS, parseBehaviours, SWITCH_NAMES } from '../../../../src/speech-server/behaviours/schema.js'

function problems(document: unknown): readonly string[] {
  try {
    parseBehaviours(document)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('parseBehaviours', () => {
  it('takes every switch at its default, plain and counted', () => {
    expect(problems({})).toEqual([])
    expect(problems(DEFAULTS)).toEqual([])
    expect(problems(Object.fromEntries(SWITCH_NAMES.map((name) => [name, { switch: DEFAULTS[name], times: 2 }])))).toEqual([])
  })

  it('names every problem at once, with its switch', () => {
    expect(
      problems({
        acks: 'sometimes',
        idleMs: -1,
        nonsense: true,
        post: { switch: { status: 200 }, times: 0 },
        concurrency: { switch: 3, times: 1, more: 1 },
      }),
    ).toEqual([
      'acks: use "each", "drop", "withhold", "reject", {coalesce} or {delayMs}',
      expect.stringMatching(/^idleMs: .*>=1$/),
      'nonsense: there is no such switch',
      expect.stringMatching(/^post\.times: /),
      expect.stringMatching(/^post\.switch\.status: .*>=400$/),
      expect.stringMatching(/^concurrency: .*more/),
    ])
  })

  it.each([[null], [[]], ['x'], [7], [undefined]])('refuses %j as a whole', (document) => {
    expect(problems(document)).toEqual(['behaviours: expected a JSON object of switches'])
  })

  it.each([1004, 1005, 1006, 1015, 2000, 999, 5000, 1.5])('refuses %d, which no server may send as a close code', (code) => {
    expect(problems({ closeSocket: { code, afterChunks: 0 } })).toHaveLength(1)
  })

  it('names of the prototype are no switches', () => {
    expect(problems(JSON.parse('{"__proto__":{},"constructor":1,"toString":2}'))).toEqual([
      '__proto__: there is no such switch',
      'constructor: there is no such switch',
      'toString: there is no such switch',
    ])
  })
})
