import { expect, test } from 'vitest'
import { FakeStt } from '../../../support/fake-stt.js'
import { arrivedAt, ScribeRig } from '../../../support/scribe-rig.js'

test('6 P1 I1 of a meeting that ends because the service refuses its first session, what still waits for a channel then is a gap of whoever said it', async () => {
  const stt = new FakeStt()
  stt.prepare = (session) => Object.assign(session, { autoAcknowledge: false, isTaken: false })
  const rig = new ScribeRig(stt, { channels: { max: 2, mode: 'fixed' } })
  const people = ['ann', 'bob', 'cat', 'dan']
  for (const name of people) rig.join(name)
  await rig.talk(people, 3_000)
  stt.last.end('unauthorized', false)
  expect(rig.failures).toEqual(['speech_unauthorized'])
  const receipt = await rig.finish()
  expect(arrivedAt(stt.sessions).every(({ isUnderstood }) => !isUnderstood(0))).toBe(true)
  for (const name of people) {
    const told = rig.told.filter(({ identity }) => identity === name)
    expect([name, told.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)]).toEqual([name, 3_000])
    expect(receipt.rows.find(({ identity }) => identity === name)).toMatchObject({ speechMs: 3_000, lostMs: 3_000 })
  }
  expect(receipt.complete).toBe(false)
})
