import { expect, test } from 'vitest'
import { runFuzz } from '../../../support/fuzz-speech.js'

test('9 a hundred thousand changed messages, answers and spool files break nothing, and no changed record is read', () => {
  const { crashes, examples } = runFuzz({ count: 100_000, seed: 20_261_121 })
  expect(examples).toEqual([])
  expect(crashes).toBe(0)
})
