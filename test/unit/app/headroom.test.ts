import { expect, test } from 'vitest'
import { currentUsage, whyFull, type Usage } from '../../../src/app/headroom.js'

const EMPTY: Usage = {
  openFiles: 10,
  maxFiles: 1_000,
  threads: 10,
  maxThreads: Number.POSITIVE_INFINITY,
  memoryBytes: 1e8,
  maxMemoryBytes: 1e9,
}

test('31 from 70 % of any limit on nothing new is begun, and it says which one', () => {
  expect(whyFull(EMPTY)).toBeNull()
  expect(whyFull({ ...EMPTY, openFiles: 699 })).toBeNull()
  expect(whyFull({ ...EMPTY, openFiles: 700 })).toContain('700 of 1000 open files')
  expect(whyFull({ ...EMPTY, threads: 70, maxThreads: 100 })).toContain('70 of 100 threads')
  expect(whyFull({ ...EMPTY, memoryBytes: 7e8 })).toContain('memory')
})

test('what the system says of this process is a use below its limits', () => {
  const usage = currentUsage(process.memoryUsage.rss())
  expect(usage.openFiles).toBeLessThan(usage.maxFiles)
  expect(usage.threads).toBeLessThan(usage.maxThreads)
  expect(usage.memoryBytes).toBeGreaterThan(0)
  expect(whyFull({ ...usage, maxMemoryBytes: Number.POSITIVE_INFINITY })).toBeNull()
})
