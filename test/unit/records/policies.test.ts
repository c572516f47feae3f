import { array, assert, integer, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError, NotFoundError, UpstreamError } from '../../../src/core/errors.js'
import { FINAL_STATES, MEETING_STATES, type MeetingState } from '../../../src/records/port.js'
import { connectError, databaseError, databasePlace } from '../../../src/records/sql/failures.js'
import { parseAnnouncement } from '../../../src/records/sql/listener.js'
import { clean, cleanText } from '../../../src/records/sql/sanitise.js'
import { statesBefore } from '../../../src/records/sql/transitions.js'

const coded = (code: string) => Object.assign(new Error('said by the server'), { code })

describe('text', () => {
  test('what comes out is well-formed and without NUL; what was so already is unchanged', () => {
    assert(
      property(string({ unit: 'binary' }), array(integer({ min: 0, max: 0xffff })), (fine, units) => {
        const any = String.fromCharCode(...units)
        const out = cleanText(any)
        expect(out).not.toContain('\0')
        expect(Buffer.from(out).toString()).toBe(out)
        expect(out).toHaveLength(any.length)
        if (!fine.includes('\0')) expect(cleanText(fine)).toBe(fine)
      }),
    )
  })

  test('strings are cleaned at any depth, other values kept, the input not changed', () => {
    const given = { a: ['x\0', { b: '\ud800', c: null, d: 1.5, e: true }] }
    expect(clean(given)).toEqual({ a: ['x\uFFFD', { b: '\uFFFD', c: null, d: 1.5, e: true }] })
    expect(given.a[0]).toBe('x\0')
  })
})

describe('states', () => {
  test.each(MEETING_STATES)('T1 T2 T3 %s is reached only from where it may be', (to) => {
    const from = statesBefore(to)
    for (const state of MEETING_STATES) {
      const isOver = FINAL_STATES.includes(state) && state !== to
      if (isOver) expect(from).not.toContain(state)
      else if (FINAL_STATES.includes(to)) expect(from).toContain(state)
    }
    expect(from).toContain(to)
  })

  test('T4 what is scheduled is queued before a bot has anything to do with it', () => {
    expect(MEETING_STATES.filter((to) => !FINAL_STATES.includes(to) && statesBefore(to).includes('scheduled'))).toEqual([
      'scheduled',
      'queued',
    ])
  })

  test('T2 T3 nothing is scheduled again, and after finalising the room is not joined', () => {
    expect(statesBefore('scheduled')).toEqual(['scheduled'])
    const later: MeetingState[] = ['joining', 'waiting', 'live', 'reconnecting', 'draining', 'queued']
    for (const to of later) expect(statesBefore(to)).not.toContain('finalising')
    expect(statesBefore('joining')).toEqual(expect.arrayContaining(['queued', 'live', 'draining']))
  })
})

describe('failures', () => {
  test.each(['08006', '25006', '57P01', '53300', 'ECONNREFUSED', 'ECONNRESET'])(
    '%s is an unreachable database, to be tried again',
    (code) => {
      expect(databaseError(coded(code))).toMatchObject({ code: 'database_unreachable', retryable: true })
    },
  )

  test.each([
    ['40001', true],
    ['40P01', true],
    ['22P02', false],
    ['23505', false],
  ])('%s is a refused statement, retryable: %s', (code, retryable) => {
    expect(databaseError(coded(code))).toMatchObject({ code: 'database_failed', retryable })
  })

  test('57014 is a statement that took too long, told apart from a database that is away', () => {
    expect(databaseError(coded('57014'))).toMatchObject({ code: 'database_timeout', retryable: true })
  })

  test('our own errors pass as they are', () => {
    const own = new NotFoundError('x')
    expect(databaseError(own)).toBe(own)
  })

  test.each([
    ['28P01', 'password'],
    ['3D000', 'create that database'],
    ['ECONNREFUSED', 'start it'],
  ])('a first connection refused with %s says how to put it right', (code, remedy) => {
    const error = connectError(coded(code), 'db:5432/x')
    expect(error).toBeInstanceOf(UpstreamError)
    expect(error.message).toContain('db:5432/x')
    expect(error.message).toContain(remedy)
  })

  test('the place of a URL has no user and no password; what is no URL is a ConfigError that does not repeat it', () => {
    expect(databasePlace('postgres://me:secret@db/x?sslmode=require')).toBe('db:5432/x')
    for (const wrong of ['secret', 'http://secret/x']) {
      expect(() => databasePlace(wrong)).toThrow(ConfigError)
      expect(() => databasePlace(wrong)).not.toThrow('secret')
    }
  })
})

test('an announcement of another shape is nothing', () => {
  const good = { meeting: 'm', kind: 'segment', first: 3, origin: 'o' }
  expect(parseAnnouncement(JSON.stringify(good))).toEqual(good)
  for (const bad of [undefined, '', '{', '[]', JSON.stringify({ ...good, kind: 'x' }), JSON.stringify({ ...good, first: '3' })]) {
    expect(parseAnnouncement(bad)).toBeUndefined()
  }
})
