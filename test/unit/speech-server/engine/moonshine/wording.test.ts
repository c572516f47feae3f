import { describe, expect, test } from 'vitest'
import { wordConfidences } from '../../../../../src/speech-server/engine/moonshine/recogniser.js'
import { wordingOf } from '../../../../../src/speech-server/engine/moonshine/wording.js'

const sure = (text: string, runaway = false) => ({ text, confidences: text.split(' ').map(() => 0.9), runaway })

describe('wording of a recognition', () => {
  test('words share the segment by their letters', () => {
    const wording = wordingOf(sure("Go, it's done."), 10, 19)
    expect(wording?.words.map(({ startSec, endSec }) => [startSec, endSec])).toEqual([
      [10, 12],
      [12, 15],
      [15, 19],
    ])
    expect(wording?.confidence).toBeCloseTo(0.9)
  })

  test('no text, signs without a letter and what noise makes are nothing', () => {
    expect(wordingOf({ text: '', confidences: [], runaway: false }, 0, 1)).toBeNull()
    expect(wordingOf(sure('... -'), 0, 1)).toBeNull()
    expect(wordingOf({ text: 'you too', confidences: [0.2, 0.3], runaway: false }, 0, 1)).toBeNull()
  })

  test('of what a runaway decoder repeats one stays; a person may repeat', () => {
    expect(wordingOf(sure('so we go home go home go home', true), 0, 3)?.text).toBe('so we go home')
    expect(wordingOf(sure('no no no no'), 0, 3)?.text).toBe('no no no no')
  })

  test('a word has the geometric mean of its pieces, and all share one when pieces and words differ in number', () => {
    const logs = [Math.log(0.5), Math.log(0.8), Math.log(0.2)]
    expect(wordConfidences('hi there', ['\u2581hi', '\u2581the', 're'], logs)).toEqual([expect.closeTo(0.5), expect.closeTo(0.4)])
    expect(wordConfidences('hi', ['\u2581hi', '\u2581'], [Math.log(0.5), Math.log(0.5)])).toEqual([expect.closeTo(0.5)])
  })
})
