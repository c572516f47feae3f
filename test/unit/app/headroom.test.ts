import { describe, expect, test } from 'vitest'
import { currentUsage, memoryBytes, whyFull, type Usage } from '../../../src/app/headroom.js'

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
  const usage = currentUsage(() => process.memoryUsage.rss())
  expect(usage.openFiles).toBeLessThan(usage.maxFiles)
  expect(usage.threads).toBeLessThan(usage.maxThreads)
  expect(usage.memoryBytes).toBeGreaterThan(0)
  expect(whyFull({ ...usage, maxMemoryBytes: Number.POSITIVE_INFINITY })).toBeNull()
})

describe('31 with no open file left', () => {
  const refuse = (code: string) => (): never => {
    throw Object.assign(new Error(code), { code })
  }
  const limits = 'Max open files            1024                 4096                 files     \n'

  test.each(['EMFILE', 'ENFILE'])('nothing new is begun when nothing can be read any more: %s', (code) => {
    const usage = currentUsage(refuse(code), { text: refuse(code), names: refuse(code) })
    expect(whyFull(usage)).toBe('this process, or this host, has no open file left: raise the limit, or start another process')
  })

  test('nothing new is begun when one file could still be read', () => {
    const counted = currentUsage(() => 1e8, { text: () => limits, names: refuse('EMFILE') })
    expect(whyFull(counted)).toContain('no open file left')
    const limited = currentUsage(() => 1e8, { text: refuse('EMFILE'), names: () => ['0', '1', '2'] })
    expect(whyFull(limited)).toContain('no open file left')
  })

  test('a system that has no such files refuses nothing', () => {
    expect(whyFull(currentUsage(() => 1e8, { text: refuse('ENOENT'), names: refuse('ENOENT') }))).toBeNull()
  })

  test('memory that cannot be read is not known, and ends nothing', () => {
    expect([memoryBytes(() => 7), memoryBytes(refuse('EMFILE'))]).toEqual([7, null])
  })
})
