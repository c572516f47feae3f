import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../../src/core/errors.js'
import { checkServer } from '../../../../src/followup/jobs/redis.js'

const info = (facts: Record<string, string>) =>
  Object.entries({ redis_version: '7.2.4', role: 'master', maxmemory_policy: 'noeviction', ...facts })
    .map(([name, value]) => `${name}:${value}`)
    .join('\r\n')

describe('what Redis says of itself', () => {
  test('a server that keeps every job is taken, and so is one that does not tell', () => {
    expect(() => checkServer(info({}))).not.toThrow()
    expect(() => checkServer('')).not.toThrow()
  })

  test('40 eviction, an old version and a replica are each refused at the start, all at once, with what to do', () => {
    const problems = (facts: Record<string, string>): readonly string[] => {
      try {
        checkServer(info(facts))
        return []
      } catch (thrown) {
        return thrown instanceof ConfigError ? thrown.problems : ['not a ConfigError']
      }
    }
    expect(problems({ maxmemory_policy: 'allkeys-lru' })).toEqual([expect.stringContaining('set maxmemory-policy noeviction')])
    expect(problems({ redis_version: '5.0.14' })).toEqual([expect.stringContaining('5.0.14')])
    expect(problems({ role: 'slave' })).toEqual([expect.stringContaining('replica')])
    expect(problems({ maxmemory_policy: 'volatile-ttl', redis_version: '3.2.1', role: 'slave' })).toHaveLength(3)
    expect(problems({ redis_version: '10.0.0' })).toEqual([])
  })
})
