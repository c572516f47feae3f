import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { afterEach, expect, it, vi } from 'vitest'
import { isAlive, thisProcess } from '../../../../../src/live/stt/spool/owner.js'

const readFile = vi.spyOn(files, 'readFile')
syncBuiltinESMExports()

afterEach(() => {
  readFile.mockRestore()
  syncBuiltinESMExports()
})

it('33 without an open file left it is not known who lives: nobody is taken for dead', async () => {
  const me = await thisProcess()
  for (const at of [1, 2]) {
    if (at === 2) readFile.mockResolvedValueOnce(`${me.boot}\n`)
    readFile.mockRejectedValueOnce(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
    await expect(isAlive(me)).rejects.toThrow('too many open files')
  }
  expect(await isAlive(me)).toBe(true)
  // nor does a process fail that cannot tell its own name
  readFile.mockRejectedValue(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
  expect(await thisProcess()).toMatchObject({ pid: process.pid, boot: '', start: '' })
})
