import { expect, test } from 'vitest'
import { runSettingsFuzz } from '../../support/fuzz-settings.js'

test('a hundred thousand environments: settings or sentences, never an exception, and no secret in any of them', () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 1)
  const { crashes, failures } = runSettingsFuzz({ count: 100_000, seed })
  expect(failures).toEqual([])
  expect(crashes).toBe(0)
}, 180_000)
