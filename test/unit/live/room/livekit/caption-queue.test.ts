import { describe, expect, test } from 'vitest'
import { deferred } from '../../../../../src/core/deferred.js'
import { asIdentity } from '../../../../../src/core/ids.js'
import { CaptionQueue } from '../../../../../src/live/room/livekit/caption-queue.js'
import type { Caption } from '../../../../../src/live/room/port.js'

const caption = (segmentId: string, text: string, isFinal = false): Caption => ({ segmentId, identity: asIdentity('a'), text, isFinal })

/** A queue whose first sending waits for `gate`. */
function held(limit: number) {
  const sent: string[] = []
  const failures: string[] = []
  const gate = deferred()
  const send = async ({ segmentId, text }: Caption) => {
    sent.push(`${segmentId} ${text}`)
    await gate.promise
    if (text === 'bad') throw new Error('planted')
  }
  const queue = new CaptionQueue(limit, send, (error) => failures.push(error.message))
  return { queue, sent, failures, gate }
}

describe('caption queue', () => {
  test('one is sent at a time, in order, and each promise resolves after its own', async () => {
    const { queue, sent, gate } = held(8)
    const all = [queue.push(caption('1', 'a')), queue.push(caption('2', 'b')), queue.push(caption('3', 'c'))]
    expect(sent).toEqual(['1 a'])
    gate.resolve()
    await Promise.all(all)
    expect(sent).toEqual(['1 a', '2 b', '3 c'])
  })

  test('a newer version replaces the one that waits, and an interim never a final', async () => {
    const { queue, sent, gate } = held(8)
    const all = [
      queue.push(caption('1', 'a')),
      queue.push(caption('2', 'b')),
      queue.push(caption('2', 'b c', true)),
      queue.push(caption('2', 'late')),
    ]
    gate.resolve()
    await Promise.all(all)
    expect(sent).toEqual(['1 a', '2 b c'])
  })

  test('when full the oldest interim is dropped, and without one the oldest', async () => {
    const { queue, sent, gate } = held(2)
    const all = [queue.push(caption('0', 'x')), queue.push(caption('1', 'a', true)), queue.push(caption('2', 'b'))]
    all.push(queue.push(caption('3', 'c', true)), queue.push(caption('4', 'd', true)))
    expect(queue.size).toBe(2)
    gate.resolve()
    await Promise.all(all)
    expect(sent).toEqual(['0 x', '3 c', '4 d'])
  })

  test('a failure is told and the next is sent', async () => {
    const { queue, sent, failures, gate } = held(8)
    const all = [queue.push(caption('1', 'bad')), queue.push(caption('2', 'b'))]
    gate.resolve()
    await Promise.all(all)
    expect(sent).toEqual(['1 bad', '2 b'])
    expect(failures).toEqual(['planted'])
  })

  test('after close what waits resolves unsent, and nothing more is taken', async () => {
    const { queue, sent, gate } = held(8)
    const first = queue.push(caption('1', 'a'))
    const second = queue.push(caption('2', 'b'))
    queue.close()
    await second
    await queue.push(caption('3', 'c'))
    gate.resolve()
    await first
    expect(sent).toEqual(['1 a'])
  })
})
