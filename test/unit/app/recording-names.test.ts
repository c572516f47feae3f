import { expect, test } from 'vitest'
import { namePeople, recordingTitle } from '../../../src/app/recording-names.js'

const files = (...all: readonly (readonly [path: string, channels: number])[]) => all.map(([path, channels]) => ({ path, channels }))

test('a person is named after their file, with a number where it has several channels', () => {
  expect(namePeople(files(['a/Alice Chen.wav', 1], ['table.v2.wav', 2], ['.wav', 1]), null)).toEqual({
    names: [['Alice Chen'], ['table.v2 1', 'table.v2 2'], ['.wav']],
    problems: [],
  })
})

test('given names go by the order of files and channels', () => {
  expect(namePeople(files(['a.wav', 1], ['b.wav', 2]), ['Ann', 'Bob', 'Cyd'])).toEqual({ names: [['Ann'], ['Bob', 'Cyd']], problems: [] })
})

test('too few and too many names are told with what there is', () => {
  expect(namePeople(files(['x/a.wav', 1], ['b.wav', 2]), ['Ann']).problems).toEqual([
    '--names has 1 name, and there are 3 channels (a.wav 1, b.wav 2)',
  ])
  expect(namePeople(files(['a.wav', 1]), ['Ann', 'Bob']).problems).toEqual(['--names has 2 names, and there is 1 channel (a.wav 1)'])
})

test('one name for two people, or none, is told, each once', () => {
  expect(namePeople(files(['ann/track.wav', 1], ['bob/track.wav', 1], ['cyd/track.wav', 1]), null).problems).toEqual([
    'two people are called "track": give everybody a name of their own with --names',
  ])
  expect(namePeople(files(['a.wav', 2]), ['', '']).problems).toEqual(['--names has an empty name'])
})

test('the title has the names of the first files', () => {
  expect(recordingTitle(['a.wav', 'b/b.mp3'])).toBe('a, b')
  expect(recordingTitle(['a.wav', 'b.wav', 'c.wav', 'd.wav', 'e.wav'])).toBe('a, b, c and 2 more')
})
