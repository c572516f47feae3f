import { expect, test } from 'vitest'
import { runSettingsFuzz } from '../../support/fuzz-settings.js'

test('whatever the environment is: settings or sentences, never an exception, and no secret in any of them', () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 1)
  const { crashes, failures } = runSettingsFuzz({ count: 1_000, seed })
  expect(failures).toEqual([])
  expect(crashes).toBe(0)
})
