import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { reportFailure } from '../../../src/cli/exit.js'
import { ConfigError, UpstreamError } from '../../../src/core/errors.js'
import { Scope } from '../../../src/core/scope.js'

const lines: string[] = []
beforeEach(() => {
  lines.length = 0
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text).trimEnd())
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

const away = new UpstreamError('database_unreachable', 'the database does not answer', { service: 'database', retryable: true })
const failing = () => Promise.reject(away)

it('what failed while closing is told, not that something did', async () => {
  const scope = new Scope()
  scope.defer('store', failing)
  scope.defer('queue', failing)
  const thrown: unknown = await scope.close().catch((error: unknown) => error)
  expect(reportFailure(thrown)).toBe(1)
  expect(lines).toEqual(['roomscribe: the database does not answer', 'roomscribe: the database does not answer'])
})

it('why a command failed comes before what failed while closing, and its exit code counts', async () => {
  const command = async () => {
    await using scope = new Scope()
    scope.defer('store', failing)
    throw new ConfigError(['ROOMSCRIBE_PORT is wrong'])
  }
  const thrown: unknown = await command().catch((error: unknown) => error)
  expect(reportFailure(thrown)).toBe(2)
  expect(lines).toEqual(['roomscribe: ROOMSCRIBE_PORT is wrong', 'roomscribe: the database does not answer'])
})
