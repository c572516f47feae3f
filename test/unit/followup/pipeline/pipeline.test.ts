import { beforeEach, describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { createPipeline } from '../../../../src/followup/pipeline/pipeline.js'
import type { DeliveryContent, DeliveryPort, Summariser } from '../../../../src/followup/port.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { MeetingRecord } from '../../../../src/records/port.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { endedMeeting, transcriptOf } from '../../../support/meeting-content.js'
import { MemoryStore } from '../../../support/memory-store.js'

class CountingSummariser implements Summariser {
  readonly model = 'counting'
  calls = 0
  summarise() {
    this.calls += 1
    return Promise.resolve([{ kind: 'overview' as const, lines: [] }])
  }
}

class ScriptedDelivery implements DeliveryPort {
  readonly destination: string
  readonly delivered: DeliveryContent[] = []
  readonly #failures: Error[]
  constructor(destination: string, failures: Error[] = []) {
    this.destination = destination
    this.#failures = failures
  }
  deliver(content: DeliveryContent): Promise<void> {
    const failure = this.#failures.shift()
    if (failure) return Promise.reject(failure)
    this.delivered.push(content)
    return Promise.resolve()
  }
}

describe('the steps after a meeting', () => {
  let store: MemoryStore
  let meeting: MeetingRecord
  let summariser: CountingSummariser
  const { signal } = new AbortController()
  beforeEach(async () => {
    store = new MemoryStore()
    meeting = await endedMeeting(store)
    summariser = new CountingSummariser()
  })
  const pipeline = (...deliveries: DeliveryPort[]) =>
    createPipeline({
      store,
      summariser,
      deliveries,
      loadTranscript: (id) => Promise.resolve(transcriptOf([['Alice', 'Hello.']], { meetingId: id })),
      clock: new ManualClock(),
      logger: silentLogger,
    })

  test('end in done, with the summary stored and delivered', async () => {
    const slack = new ScriptedDelivery('slack')
    const steps = pipeline(slack)
    for (const step of ['finalise', 'summarise', 'deliver'] as const) await steps[step](meeting.id, signal)
    expect((await store.meeting(meeting.id)).state).toBe('done')
    expect(slack.delivered[0]?.summary).toEqual(await store.summary(meeting.id))
    expect(slack.delivered[0]?.transcript.meetingId).toBe(meeting.id)
  })

  test('change nothing when they run again', async () => {
    const slack = new ScriptedDelivery('slack')
    const steps = pipeline(slack)
    for (const step of ['finalise', 'finalise', 'summarise', 'summarise', 'deliver', 'deliver', 'finalise', 'summarise'] as const)
      await steps[step](meeting.id, signal)
    expect(summariser.calls).toBe(1)
    expect(slack.delivered).toHaveLength(1)
  })

  test('without a destination the meeting is done', async () => {
    await pipeline().deliver(meeting.id, signal)
    expect((await store.meeting(meeting.id)).state).toBe('done')
  })

  test('a destination that fails keeps the meeting open, and the others are served', async () => {
    const failure = new UpstreamError('slack_unreachable', 'x', { service: 'slack', retryable: true })
    const bad = new ScriptedDelivery('bad', [failure])
    const good = new ScriptedDelivery('good')
    const steps = pipeline(bad, good)
    await expect(steps.deliver(meeting.id, signal)).rejects.toBe(failure)
    expect(good.delivered).toHaveLength(1)
    expect((await store.meeting(meeting.id)).state).toBe('finalising')
    await steps.deliver(meeting.id, signal)
    expect((await store.meeting(meeting.id)).state).toBe('done')
  })

  test('several failures are reported together', async () => {
    const steps = pipeline(new ScriptedDelivery('a', [new Error('1')]), new ScriptedDelivery('b', [new Error('2')]))
    await expect(steps.deliver(meeting.id, signal)).rejects.toMatchObject({ errors: [{ message: '1' }, { message: '2' }] })
  })

  test('an abort rejects with its reason and does not end the meeting', async () => {
    const reason = new Error('closing')
    await expect(pipeline(new ScriptedDelivery('a')).deliver(meeting.id, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect((await store.meeting(meeting.id)).state).toBe('finalising')
  })

  test('58 a meeting that is deleted and purged while a step runs: the step is over, and no dead letter', async () => {
    const { saveSummary } = store
    store.saveSummary = async (summary) => {
      await store.requestDelete(meeting.id)
      await store.purge(meeting.id)
      return saveSummary.call(store, summary)
    }
    const slack = new ScriptedDelivery('slack')
    await pipeline(slack).summarise(meeting.id, signal)
    expect([summariser.calls, slack.delivered]).toEqual([1, []])
  })

  test('58 while it is delivered: nothing more is written, and it is over', async () => {
    const deliver = async () => {
      await store.requestDelete(meeting.id)
      await store.purge(meeting.id)
      await store.intendDelivery(meeting.id, 'slack', 'transcript-1')
    }
    await pipeline({ destination: 'slack', deliver }).deliver(meeting.id, signal)
    await expect(store.meeting(meeting.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a meeting that its bot still holds is refused', async () => {
    const { meeting: running } = await store.create({ ...meeting, room: 'other' })
    await expect(pipeline().finalise(running.id, signal)).rejects.toMatchObject({ code: 'conflict' })
    await expect(pipeline().deliver(running.id, signal)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('a meeting without coverage is refused', async () => {
    const { meeting: bare } = await store.create({ ...meeting, room: 'other' })
    const claim = await store.claim(bare.id)
    await store.setState(claim, 'finalising', 'stopped')
    await expect(pipeline().finalise(bare.id, signal)).rejects.toMatchObject({ code: 'conflict' })
  })
})
