import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../../../../src/live/stt/gladia/limits.js'
import { Uplink, type AudioSink } from '../../../../../src/live/stt/gladia/uplink.js'
import { AudioBuffer } from '../../../../../src/live/stt/spool/audio-buffer.js'
import { ManualClock } from '../../../../support/manual-clock.js'

const RATE = 1000

class Sink implements AudioSink {
  queuedBytes = 0
  readonly audio: number[] = []
  empties = 0
  stops = 0
  sendAudio(pcm: Int16Array): void {
    this.audio.push(pcm.length)
  }
  sendEmpty(): void {
    this.empties++
  }
  sendStop(): void {
    this.stops++
  }
}

function make(channels = 1) {
  const clock = new ManualClock()
  const buffer = new AudioBuffer(channels, DEFAULT_LIMITS.bufferBytes)
  const uplink = new Uplink({ channels, sampleRate: RATE, clock, limits: DEFAULT_LIMITS, buffer })
  const sink = new Sink()
  const push = (frames: number) => uplink.buffer.push(new Int16Array(frames * channels))
  /** lets time pass in ticks of 100 ms; returns when the connection was found dead */
  const pass = async (ms: number) => {
    for (let passed = 100; passed <= ms; passed += 100) {
      await clock.advance(100)
      uplink.pump(false)
      if (uplink.tick()) return passed
    }
    return null
  }
  return { clock, uplink, sink, push, pass }
}

describe('uplink', () => {
  it('U1 sends complete frames in chunks of 100 ms, and a shorter one only at the end', () => {
    const { uplink, sink, push } = make(2)
    uplink.attach(sink)
    push(150)
    expect(uplink.pump(false)).toEqual({ idle: true, flushed: false })
    expect(sink.audio).toEqual([200])
  })

  it('U1 flushes the rest when asked for all', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    push(150)
    await clock.advance(100)
    expect(uplink.pump(true)).toEqual({ idle: true, flushed: true })
    expect(sink.audio).toEqual([100, 50])
  })

  it('U2 a backlog is paced at four times real time, and ends up sent', async () => {
    const { uplink, sink, push, pass } = make()
    push(10_000)
    uplink.attach(sink)
    await pass(1000)
    const sent = sink.audio.reduce((sum, frames) => sum + frames, 0)
    expect(sent).toBeGreaterThanOrEqual(4000)
    expect(sent).toBeLessThanOrEqual(4200)
  })

  it('U2 after a stall at most a second is poured out', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    await clock.advance(60_000)
    push(60_000)
    uplink.pump(false)
    expect(sink.audio).toHaveLength(10)
  })

  it('U3 what the system does not take stays here', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    sink.queuedBytes = RATE * 2 + 1
    push(1000)
    await clock.advance(1000)
    uplink.pump(false)
    expect(sink.audio).toEqual([])
    expect(uplink.buffer.memoryBytes).toBe(2000)
  })

  it('U4 asks with empty chunks first, then with 10 ms of audio', async () => {
    const { uplink, sink, push, pass } = make()
    uplink.attach(sink)
    push(100)
    uplink.pump(false)
    const second = new Sink()
    expect(uplink.attach(second)).toBe(true)
    uplink.probe()
    await pass(700)
    expect([second.empties, second.audio]).toEqual([10, []])
    await pass(200)
    expect(second.audio[0]).toBe(10)
    expect(second.audio.every((frames) => frames === 10)).toBe(true)
  })

  it('U4 pieces of a probe are of different lengths, from one to two times the least', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    push(1000)
    uplink.pump(false)
    const second = new Sink()
    uplink.attach(second)
    uplink.probe()
    // nothing but a probe is sent before it is answered
    for (let tick = 0; tick < 50; tick++) {
      await clock.advance(100)
      uplink.tick()
    }
    expect(second.audio).toHaveLength(10)
    expect(new Set(second.audio).size).toBeGreaterThanOrEqual(8)
    expect(second.audio.every((frames) => frames >= 10 && frames < 20)).toBe(true)
  })

  it('U4 a service that answered only audio is asked with audio at once', async () => {
    const { uplink, sink, push, pass } = make()
    uplink.attach(sink)
    push(200)
    uplink.pump(false)
    uplink.attach(new Sink())
    uplink.probe()
    await pass(900)
    expect(uplink.acknowledge([0, 20])).toMatchObject({ kind: 'resumed' })
    const third = new Sink()
    uplink.attach(third)
    uplink.probe()
    expect([third.empties, third.audio]).toEqual([0, [10]])
  })

  it('3 U5 six seconds without an acknowledgement is a dead connection, while audio waits for one', async () => {
    const { uplink, sink, push, pass } = make()
    uplink.attach(sink)
    expect(await pass(10_000)).toBeNull()
    push(100)
    expect(await pass(10_000)).toBe(6100)
  })

  it('U5 an acknowledgement that moves the position starts the six seconds anew', async () => {
    const { uplink, sink, push, pass } = make()
    uplink.attach(sink)
    push(300)
    expect(await pass(5000)).toBeNull()
    uplink.acknowledge([0, 200])
    expect(await pass(5000)).toBeNull()
    uplink.acknowledge([0, 200])
    expect(await pass(5000)).toBe(1000)
  })

  it('U5 a stop that is not answered is a dead connection, unless anything else is heard', async () => {
    const { uplink, sink, pass } = make()
    uplink.attach(sink)
    uplink.stop()
    expect(await pass(5900)).toBeNull()
    uplink.heard()
    expect(await pass(10_000)).toBe(6000)
  })

  it('U6 after 20 s without audio an empty chunk goes out every 5 s', async () => {
    const { uplink, sink, pass } = make()
    uplink.attach(sink)
    await pass(19_900)
    expect(sink.empties).toBe(0)
    await pass(10_200)
    expect(sink.empties).toBe(3)
  })

  it('a duration within a rounding of everything sent acknowledges everything', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    push(1234)
    await clock.advance(1000)
    uplink.pump(true)
    await clock.advance(1000)
    uplink.pump(true)
    uplink.confirmDuration(1.22)
    expect(uplink.unacknowledged).toEqual([])
  })

  it('a shorter duration acknowledges that much', async () => {
    const { clock, uplink, sink, push } = make()
    uplink.attach(sink)
    push(1000)
    await clock.advance(1000)
    uplink.pump(true)
    uplink.confirmDuration(0.5)
    expect(uplink.unacknowledged).toEqual([{ fromFrame: 500, toFrame: 1000 }])
  })

  it('3 after a resume says once whose texts may have been told to nobody: 20 s before the loss, and what was kept', () => {
    const { uplink, sink, push } = make()
    expect(uplink.attach(sink)).toBe(false)
    push(25_000)
    for (let at = 0; at < 250; at++) {
      uplink.ledger.sent(at * 100, 100)
      if (at < 240) uplink.acknowledge([at * 200, at * 200 + 200])
    }
    expect(uplink.takePending()).toEqual([])
    uplink.detach()
    // a connection that was lost again before it told anything
    uplink.attach(sink)
    uplink.detach()
    uplink.attach(sink)
    uplink.acknowledge([24_500 * 2, 24_500 * 2])
    expect(uplink.takePending()).toEqual([{ fromFrame: 4_000, toFrame: 24_500 }])
    expect(uplink.takePending()).toEqual([])
  })

  it('3 a first dial that fails is no loss: a later one counts from itself', () => {
    const { uplink, sink } = make()
    uplink.detach()
    uplink.attach(sink)
    uplink.buffer.push(new Int16Array(60_000))
    for (let at = 0; at < 600; at++) {
      uplink.ledger.sent(at * 100, 100)
      uplink.acknowledge([at * 200, at * 200 + 200])
    }
    uplink.detach()
    uplink.attach(sink)
    uplink.acknowledge([60_000 * 2, 60_000 * 2])
    expect(uplink.takePending()).toEqual([{ fromFrame: 40_000, toFrame: 60_000 }])
  })

  it('3 of a connection that was lost before anything was taken no text is missing', () => {
    const { uplink, sink } = make()
    uplink.attach(sink)
    uplink.buffer.push(new Int16Array(100))
    uplink.ledger.sent(0, 100)
    uplink.detach()
    uplink.attach(sink)
    uplink.acknowledge([0, 0])
    expect(uplink.takePending()).toEqual([])
  })
})
