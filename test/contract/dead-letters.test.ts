import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listDeadLetters, retryDeadLetter } from '../../src/app/dead-letters.js'
import { listen } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { newMeetingId } from '../../src/core/ids.js'
import { apiDeps } from '../support/api-rig.js'
import { FakeQueue, letterOf } from '../support/fake-queue.js'
import { testSettings } from '../support/settings.js'

test('43 `jobs` finds the running process by its data folder, lists what waits, runs it again, and says what is wrong', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-jobs-command-'))
  const settings = testSettings({ dataDir }, { url: 'ws://127.0.0.1:1', apiKey: 'k', apiSecret: 's' })
  const queue = new FakeQueue()
  const letter = letterOf('deliver', newMeetingId())
  queue.letters.push(letter)
  const api = createApi(apiDeps({ queue, deadLetters: queue, apiKey: 'key-of-the-folder' }))
  const server = await listen(api, '127.0.0.1', 0)
  try {
    await expect(listDeadLetters(settings, null)).rejects.toMatchObject({ code: 'config' })
    writeFileSync(join(dataDir, 'port'), `${server.port}\n`)
    writeFileSync(join(dataDir, 'api-key'), 'key-of-the-folder\n')
    const { id, attempts, reason, failedAt } = letter
    expect(await listDeadLetters(settings, null)).toEqual([{ id, attempts, reason, failedAt }])
    await retryDeadLetter(settings, null, id)
    expect(queue.retried).toEqual([id])
    await expect(retryDeadLetter(settings, null, id)).rejects.toMatchObject({ code: 'api_refused', status: 409 })
    await expect(retryDeadLetter(settings, null, '../nothing')).rejects.toMatchObject({ status: 404 })
    await expect(listDeadLetters(settings, 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'api_unreachable' })
  } finally {
    await server.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
