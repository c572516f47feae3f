import { afterEach, describe, expect, test } from 'vitest'
import { deferred } from '../../../../src/core/deferred.js'
import { UpstreamError } from '../../../../src/core/errors.js'
import { newMeetingId } from '../../../../src/core/ids.js'
import { deadLettersOf, Relay } from '../../../../src/followup/pipeline/relay.js'
import { silentLogger, type Logger } from '../../../../src/observe/logger.js'
import { FakeQueue, letterOf } from '../../../support/fake-queue.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryWork } from '../../../support/memory-work.js'

const relays: { relay: Relay; clock: ManualClock }[] = []
afterEach(async () => {
  const all = relays.splice(0)
  for (const { relay } of all) {
    await relay.close()
    await relay.close()
  }
  for (const { clock } of all) expect(clock.pending).toBe(0)
})

function rig(clock = new ManualClock(), work = new MemoryWork(() => clock.nowMs()), queue = new FakeQueue()) {
  const told: string[] = []
  const logger: Logger = {
    ...silentLogger,
    info: (_, message) => told.push(`info ${message}`),
    warn: (_, message) => told.push(`warn ${message}`),
    error: (_, message) => told.push(`error ${message}`),
  }
  const relay = new Relay({ work, queue, deadLetters: queue, clock, logger })
  relays.push({ relay, clock })
  return { clock, work, queue, relay, told }
}

describe('the relay of the outbox', () => {
  test('what a dead process left is added at the start, in order', async () => {
    const { clock, work, queue, relay } = rig()
    const [first, second] = [newMeetingId(), newMeetingId()]
    work.add(first, 'attend')
    work.add(second, 'follow_up')
    relay.start()
    await clock.settle()
    expect(queue.jobs).toEqual([`attend-${first}`, `deliver-${second}`])
  })

  test('what other processes write is found within two seconds', async () => {
    const { clock, work, queue, relay } = rig()
    relay.start()
    await clock.settle()
    work.add(newMeetingId(), 'attend')
    await clock.advance(2_000)
    expect(queue.jobs).toHaveLength(1)
  })

  test('37 a queue that is away for ten minutes loses nothing, and is used within two seconds of its return', async () => {
    const { clock, work, queue, relay, told } = rig()
    queue.isAway = true
    relay.start()
    for (let n = 0; n < 120; n++) work.add(newMeetingId(), 'attend')
    await clock.settle()
    await clock.advance(600_000)
    // W3: one attempt of one batch each half second
    expect(queue.calls).toBeLessThanOrEqual(50 * 1_201)
    expect(told.filter((line) => line.startsWith('warn'))).toHaveLength(1)
    expect(told.filter((line) => line.startsWith('error'))).toHaveLength(1)
    queue.isAway = false
    await clock.advance(2_000)
    expect(new Set(queue.jobs).size).toBe(120)
    expect(told.at(-1)).toBe('info the queue answers again')
  })

  test('38 W1 a queue that loses everything has every job again, until its meeting is past it', async () => {
    const { clock, work, queue, relay } = rig()
    const ids = Array.from({ length: 130 }, () => newMeetingId())
    for (const id of ids) work.add(id, 'attend')
    relay.start()
    await clock.settle()
    expect(queue.jobs).toHaveLength(130)
    const [over] = ids
    work.remove(over!)
    queue.forget()
    await clock.advance(12_000)
    expect(new Set(queue.jobs)).toEqual(new Set(ids.slice(1).map((id) => `attend-${id}`)))
    queue.forget()
    await clock.advance(62_000)
    expect(queue.jobs).toHaveLength(129)
  })

  test('W2 two relays add each job once', async () => {
    const one = rig()
    const other = rig(one.clock, one.work, one.queue)
    for (let n = 0; n < 60; n++) one.work.add(newMeetingId(), 'attend')
    one.relay.start()
    other.relay.start()
    await one.clock.settle()
    expect([one.queue.jobs.length, one.queue.calls]).toEqual([60, 60])
  })

  test('whoever asks while the queue hangs waits a second, and the job is added later', async () => {
    const { clock, work, queue, relay } = rig()
    const gate = deferred()
    queue.gate = gate.promise
    const id = newMeetingId()
    work.add(id, 'attend')
    const asked = relay.attend(id)
    await clock.advance(1_000)
    await asked
    expect(queue.jobs).toEqual([])
    gate.resolve()
    await clock.advance(2_000)
    expect(queue.jobs).toEqual([`attend-${id}`])
  })

  test('a job that was asked for is in the queue when the promise resolves', async () => {
    const { work, queue, relay } = rig()
    const id = newMeetingId()
    work.add(id, 'follow_up')
    await relay.followUp(id)
    expect(queue.jobs).toEqual([`deliver-${id}`])
    expect(work.rows[0]?.added).toBe(1)
  })

  test('a store that is away is asked again until it answers', async () => {
    const { clock, work, queue, relay } = rig()
    work.add(newMeetingId(), 'attend')
    work.refusal = new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true })
    relay.start()
    await clock.settle()
    await clock.advance(60_000)
    expect(queue.jobs).toEqual([])
    work.refusal = null
    await clock.advance(1_000)
    expect(queue.jobs).toHaveLength(1)
  })

  test('43 W4 a dead letter shows in the work that it holds up, and no longer once it is retried', async () => {
    const { clock, work, queue, relay } = rig()
    const id = newMeetingId()
    work.add(id, 'follow_up')
    relay.start()
    await clock.settle()
    queue.letters.push(letterOf('deliver', id))
    await relay.changed(id)
    await clock.settle()
    expect((await work.stuck([id])).get(id)).toMatchObject({ id: `deliver-${id}`, step: 'deliver', attempts: 5, reason: 'poison' })
    await deadLettersOf(queue, relay).retry(`deliver-${id}`)
    await clock.settle()
    expect((await work.stuck([id])).size).toBe(0)
  })

  test('43 W5 a bot that was given up is tried again when its room is asked for, and not by the look at what is due', async () => {
    const { clock, work, queue, relay } = rig()
    const id = newMeetingId()
    work.add(id, 'attend')
    queue.letters.push(letterOf('attend', id))
    relay.start()
    await clock.settle()
    await clock.advance(120_000)
    expect([queue.retried, (await work.stuck([id])).get(id)?.id]).toEqual([[], `attend-${id}`])
    await relay.attend(id)
    expect([queue.retried, (await work.stuck([id])).size]).toEqual([[`attend-${id}`], 0])
    // two at once, of which one is faster
    queue.letters.push(letterOf('attend', id))
    await relay.attend(id)
    expect(queue.retried).toEqual([`attend-${id}`])
    await relay.followUp(id)
    expect(queue.retried).toHaveLength(1)
  })
})
