import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/errors.js'
import { lockDirectory, processStart } from '../../../src/records/sql/embedded/directory-lock.js'
import { ManualClock } from '../../support/manual-clock.js'

let folder: string
const clock = new ManualClock()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomscribe-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A world in which exactly these processes live. */
const living = (starts: Record<number, string>) => (pid: number) => ({ [process.pid]: 'mine', ...starts })[pid]

test('a lock is taken, refused with the holder’s pid, and free again after release', async () => {
  const lock = await lockDirectory(folder, clock)
  await expect(lockDirectory(folder, clock)).rejects.toBeInstanceOf(ConfigError)
  lock.release()
  lock.release()
  expect(readdirSync(folder)).toEqual([])
  ;(await lockDirectory(folder, clock)).release()
})

test('L3 the lock of a dead process is taken over and its files are removed', async () => {
  writeFileSync(join(folder, 'held.4242.77.uuid'), '')
  writeFileSync(join(folder, 'trying.4242.77.uuid'), '')
  const lock = await lockDirectory(folder, clock, living({}))
  expect(readdirSync(folder).filter((name) => name.includes('4242'))).toEqual([])
  lock.release()
})

test('L3 a recycled pid is not taken for the owner, the owner itself is', async () => {
  writeFileSync(join(folder, 'held.4242.77.uuid'), '')
  await expect(lockDirectory(folder, clock, living({ 4242: '77' }))).rejects.toThrow('process 4242')
  ;(await lockDirectory(folder, clock, living({ 4242: '99' }))).release()
})

test('L2 whoever finds another trying steps back, waits and tries again', async () => {
  const other = join(folder, 'trying.4242.77.uuid')
  writeFileSync(other, '')
  const taken = lockDirectory(folder, clock, living({ 4242: '77' }))
  await clock.settle()
  expect(readdirSync(folder)).toEqual(['trying.4242.77.uuid'])
  rmSync(other)
  await clock.advance(50)
  ;(await taken).release()
})

test('I8 a lock that stays contended is given up after a bounded number of tries', async () => {
  writeFileSync(join(folder, 'trying.4242.77.uuid'), '')
  const taken = lockDirectory(folder, clock, living({ 4242: '77' })).catch((error: unknown) => error)
  await clock.settle()
  for (let round = 0; round < 60; round++) await clock.advance(50)
  expect(await taken).toBeInstanceOf(ConfigError)
  expect(readdirSync(folder)).toEqual(['trying.4242.77.uuid'])
})

test('the start of a process tells it from others and is unknown when there is none', () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid))
  expect(processStart(process.ppid)).not.toBe(processStart(process.pid))
  expect(processStart(2 ** 30)).toBeUndefined()
})
