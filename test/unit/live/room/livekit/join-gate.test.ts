import { expect, test } from 'vitest'
import { deferred } from '../../../../../src/core/deferred.js'
import { JoinGate } from '../../../../../src/live/room/livekit/join-gate.js'

const never = new AbortController().signal
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('so many are inside at once, the others come in the order in which they asked, also after a failure', async () => {
  const gate = new JoinGate(2)
  const ends = [deferred(), deferred(), deferred(), deferred()]
  const begun: number[] = []
  const runs = ends.map((end, at) =>
    gate.run(never, () => {
      begun.push(at)
      return end.promise
    }),
  )
  await settle()
  expect(begun).toEqual([0, 1])
  ends[1]?.reject(new Error('refused'))
  await expect(runs[1]).rejects.toThrow('refused')
  await settle()
  expect(begun).toEqual([0, 1, 2])
  ends[0]?.resolve()
  await settle()
  expect(begun).toEqual([0, 1, 2, 3])
  ends[2]?.resolve()
  ends[3]?.resolve()
  await Promise.all([runs[0], runs[2], runs[3]])
})

test('who is aborted while waiting is not let in, and holds nobody up', async () => {
  const gate = new JoinGate(1)
  const end = deferred()
  const first = gate.run(never, () => end.promise)
  const stop = new AbortController()
  const second = gate.run(stop.signal, () => Promise.reject(new Error('must not run')))
  const third = gate.run(never, () => Promise.resolve('in'))
  stop.abort(new Error('meeting is ending'))
  await expect(second).rejects.toThrow('meeting is ending')
  end.resolve()
  await first
  expect(await third).toBe('in')
  await expect(gate.run(stop.signal, () => Promise.resolve())).rejects.toThrow('meeting is ending')
})
