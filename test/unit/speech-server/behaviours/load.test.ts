import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../../src/core/errors.js'
import { loadBehaviours } from '../../../../src/speech-server/behaviours/load.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'behaviours-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function load(text: string) {
  const path = join(folder, 'behaviours.json')
  await writeFile(path, text)
  return loadBehaviours(path)
}

describe('loadBehaviours', () => {
  it('reads a file', async () => {
    expect(await load('{"acks":{"switch":"drop","times":3},"idleMs":"never"}')).toEqual({
      acks: { switch: 'drop', times: 3 },
      idleMs: 'never',
    })
  })

  it('says which file is missing', async () => {
    await expect(loadBehaviours(join(folder, 'none.json'))).rejects.toThrow(/^behaviours file .*none\.json cannot be read: /)
  })

  it('says which file is not JSON', async () => {
    await expect(load('{')).rejects.toThrow(/^behaviours file .*behaviours\.json is not JSON: /)
  })

  it('tells every wrong switch, each with the file', async () => {
    const error = await load('{"a":1,"b":2}').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    const { problems } = error as ConfigError
    expect(problems.map((problem) => problem.replace(/^behaviours file .*\.json: /, ''))).toEqual([
      'a: there is no such switch',
      'b: there is no such switch',
    ])
  })
})
