import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentLines } from '../../../../src/control/schedule/ics/lines.js'
import { roomTexts, searchable } from '../../../../src/control/schedule/ics/event-text.js'
import { compileRoomPatterns, defaultRoomPattern, findRoom, roomPatternProblem } from '../../../../src/control/schedule/room-pattern.js'

const any = compileRoomPatterns([defaultRoomPattern([])])
const roomIn = (text: string, patterns = any) => {
  const found = findRoom([searchable(text)], patterns)
  return 'room' in found ? found.room : null
}

describe('a room is found', () => {
  test.each([
    ['https://meet.example.com/rooms/standup', 'standup'],
    ['HTTPS://Meet.Example.com/rooms/StandUp', 'StandUp'],
    ['join: https://meet.example.com/rooms/standup.', 'standup'],
    ['(https://meet.example.com/rooms/standup)', 'standup'],
    [String.raw`https://meet.example.com/rooms/standup\nAgenda`, 'standup'],
    ['https://meet.example.com/rooms/standup?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln#x', 'standup'],
    ['https://meet.example.com/rooms/team%20sync/', 'team sync'],
    ['https://meet.example.com/rooms/R&amp;D', 'R&D'],
    ['https://meet.example.com/rooms/r%C3%A4ume', 'räume'],
    ['https://meet.example.com/rooms/100%', '100%'],
    ['<a title="x" href="https://meet.example.com/rooms/link">join</a>', 'link'],
    ["<A HREF='https://meet.example.com/rooms/single'>join</A>", 'single'],
    ['Join<https://meet.example.com/rooms/angle>now', 'angle'],
    ['https&#58;&#x2F;/meet.example.com/rooms/entity', 'entity'],
    ['https://links.example.com/?url=https%3A%2F%2Fmeet.example.com%2Frooms%2Fwrapped&data=1', 'wrapped'],
  ])('%s', (text, room) => {
    expect(roomIn(text)).toBe(room)
  })

  test('CONFERENCE comes before X properties, URL, LOCATION, DESCRIPTION and its HTML', () => {
    const lines = ['X-ALT-DESC', 'DESCRIPTION', 'LOCATION', 'URL', 'X-GOOGLE-CONFERENCE', 'CONFERENCE'].map(
      (name) => `${name}:https://m.example.com/rooms/${name}`,
    )
    for (let left = lines.length; left > 0; left--) {
      const texts = roomTexts(contentLines(lines.slice(0, left).join('\r\n')).lines)
      expect(findRoom(texts, any)).toEqual({ room: lines[left - 1]?.split('/rooms/')[1] })
    }
  })

  test('patterns are tried in their order, and those of an operator may be of any form', () => {
    const patterns = compileRoomPatterns([String.raw`\broom (?<room>[a-z]+ \d+)`, String.raw`lk:(?<room>\S+)`])
    expect(roomIn('lk:second or room first 1', patterns)).toBe('first 1')
    expect(roomIn('lk:second', patterns)).toBe('second')
  })

  test('only links to the hosts that are configured are taken', () => {
    const patterns = compileRoomPatterns([defaultRoomPattern(['meet.example.com', 'other.example.com:8443'])])
    expect(
      roomIn('https://evil.example.org/rooms/x https://meet.example.com.evil.org/rooms/y https://meetXexample.com/rooms/z', patterns),
    ).toBeNull()
    expect(roomIn('https://other.example.com:8443/rooms/x', patterns)).toBe('x')
  })
})

describe('a room is not found', () => {
  test.each([
    ['https://meet.example.com/custom?liveKitUrl=wss://x&token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'],
    ['https://meet.example.com/rooms/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'],
    ['https://meet.example.com/rooms/'],
    [`https://meet.example.com/rooms/${'x'.repeat(300)}`],
    ['https://meet.example.com/rooms/%00'],
    ['Room 5'],
    [''],
  ])('%s', (text) => {
    expect(roomIn(text)).toBeNull()
  })

  test('it says why', () => {
    expect(findRoom(['x'], any)).toMatchObject({ problem: expect.stringMatching(/no link to a room/) as string })
    expect(findRoom(['https://m.example.com/rooms/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0'], any)).toMatchObject({
      problem: expect.stringMatching(/token/) as string,
    })
  })
})

describe('patterns of operators', () => {
  test.each([
    ['(?<room>', 'is no regular expression'],
    ['rooms/(.+)', 'needs a group named room: (?<room>...)'],
    [String.raw`(?<room>a)\1`, 'must not refer back or look around'],
    ['(?=x)(?<room>a)', 'must not refer back or look around'],
    ['(?<room>(a+)+)', 'repeats a group that holds repeats or alternatives itself'],
    ['(?:a|a)*(?<room>b)', 'repeats a group that holds repeats or alternatives itself'],
    ['(?:a{1,9}){2,}(?<room>b)', 'repeats a group that holds repeats or alternatives itself'],
    ['(?:(?:a?)){9}(?<room>b)', 'repeats a group that holds repeats or alternatives itself'],
    [`${'.*'.repeat(9)}(?<room>b)`, 'may have 8 repeats at most'],
    [`(?<room>${'a'.repeat(600)})`, 'may have 500 characters at most'],
  ])('%s is refused', (source, problem) => {
    expect(roomPatternProblem(source)).toBe(problem)
  })

  test.each([
    [defaultRoomPattern([])],
    [defaultRoomPattern(['a.example', 'b.example:1'])],
    [String.raw`https?:\/\/(?:www\.)?meet\.example\/r\/(?<room>[\w()+*-]+)`],
    ['zoom|(?<room>x)'],
  ])('%s is taken', (source) => {
    expect(roomPatternProblem(source)).toBeNull()
  })

  test('whatever the text, the search ends and takes nothing that is not in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const found = findRoom([searchable(`https://m.example.com/rooms/${text}`)], any)
        expect('room' in found ? found.room.length <= 256 : found.problem.length > 0).toBe(true)
      }),
    )
  })
})
