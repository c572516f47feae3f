import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Pump } from '../../../../src/control/feed/pump.js'
import type { LiveSink } from '../../../../src/control/feed/channel.js'

/** Each write takes a ms of a clock of its own. */
class SlowClock {
  nowMs = 0
  monotonicMs(): number {
    return this.nowMs
  }
}

class RecordedSink implements LiveSink {
  readonly written: string[] = []
  backlog = 0
  isClosed = false
  readonly #clock: SlowClock

  constructor(clock: SlowClock) {
    this.#clock = clock
  }
  write(chunk: Buffer): void {
    this.#clock.nowMs++
    this.written.push(chunk.toString())
  }
  drained(): Promise<void> {
    return Promise.resolve()
  }
  close(): void {
    this.isClosed = true
  }
}

function rig(count: number) {
  const clock = new SlowClock()
  const pump = new Pump(clock)
  const inner = Array.from({ length: count }, () => new RecordedSink(clock))
  const sinks = inner.map((one) => pump.sink(one))
  return { inner, sinks }
}
const told = (inner: readonly RecordedSink[]) => inner.filter(({ written }) => written.length > 0).length

describe('Pump', () => {
  it('an event for many readers is written four ms at a time, with turns of the event loop in between', async () => {
    const { inner, sinks } = rig(10)
    for (const sink of sinks) sink.write(Buffer.from('a'))
    expect(told(inner)).toBe(0)
    const seen: number[] = []
    while (told(inner) < 10) {
      await turn()
      seen.push(told(inner))
    }
    expect(seen).toEqual([4, 8, 10])
  })

  it('what comes for a reader before its turn goes out with one write, in order', async () => {
    const { inner, sinks } = rig(6)
    for (const sink of sinks) sink.write(Buffer.from('a'))
    await turn()
    for (const sink of sinks) sink.write(Buffer.from('b'))
    expect(sinks[5]?.backlog).toBe(2)
    for (let at = 0; at < 4; at++) await turn()
    expect(inner.map(({ written }) => written)).toEqual([...Array.from({ length: 4 }, () => ['a', 'b']), ['ab'], ['ab']])
    expect(sinks[5]?.backlog).toBe(0)
  })

  it('a stream that is closed is told all that it was to be told before, and nothing after', async () => {
    const { inner, sinks } = rig(1)
    sinks[0]?.write(Buffer.from('last'))
    sinks[0]?.close()
    sinks[0]?.write(Buffer.from('late'))
    expect(inner[0]?.isClosed).toBe(false)
    await turn()
    expect([inner[0]?.written, inner[0]?.isClosed]).toEqual([['last'], true])
  })

  it('drained waits for the turn', async () => {
    const { inner, sinks } = rig(1)
    sinks[0]?.write(Buffer.from('a'))
    await sinks[0]?.drained()
    expect(inner[0]?.written).toEqual(['a'])
  })
})
