import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamLedger } from '../../../../../src/live/stt/gladia/ledger.js'

const FRAME = 4

/** A ledger that has sent `frames` in one chunk, `acked` of them acknowledged, and has just reconnected. */
function reconnected(frames: number, acked: number): StreamLedger {
  const ledger = new StreamLedger(FRAME)
  expect(ledger.connect()).toBe(false)
  ledger.sent(0, frames)
  if (acked > 0) ledger.acknowledged([0, acked * FRAME])
  expect(ledger.connect()).toBe(true)
  return ledger
}

describe('stream ledger', () => {
  it('L1 takes an inclusive end for what it is', () => {
    const ledger = new StreamLedger(FRAME)
    ledger.connect()
    ledger.sent(0, 10)
    expect(ledger.acknowledged([0, 10 * FRAME - 1])).toEqual({ kind: 'progress', frames: 10 })
  })

  it('L1 a range off the frames, backwards, negative or beyond what was sent is senseless', () => {
    const ledger = new StreamLedger(FRAME)
    ledger.connect()
    ledger.sent(0, 10)
    for (const range of [
      [1, 8],
      [0, 6],
      [8, 4],
      [-4, 8],
      [0, 44],
    ] as const)
      expect(ledger.acknowledged(range)).toEqual({ kind: 'senseless' })
    expect(ledger.acknowledgedFrame).toBe(0)
  })

  it('L2 acknowledgements are cumulative and older ones change nothing', () => {
    const ledger = new StreamLedger(FRAME)
    ledger.connect()
    for (let chunk = 0; chunk < 5; chunk++) ledger.sent(chunk * 10, 10)
    expect(ledger.acknowledged([80, 120])).toEqual({ kind: 'progress', frames: 30 })
    expect(ledger.acknowledged([0, 40])).toEqual({ kind: 'nothing' })
    expect(ledger.acknowledgedFrame).toBe(30)
  })

  it('L3 a first range at the last acknowledged byte: nothing was kept', () => {
    const ledger = reconnected(100, 40)
    expect(ledger.acknowledged([160, 160])).toMatchObject({ kind: 'resumed', keptFrames: 0 })
    expect(ledger.nextFrame).toBe(40)
  })

  it('L3 a first range beyond it: that much was kept and is not sent again', () => {
    const ledger = reconnected(100, 40)
    expect(ledger.acknowledged([280, 280])).toMatchObject({ kind: 'resumed', keptFrames: 30 })
    expect(ledger.nextFrame).toBe(70)
    expect(ledger.acknowledgedFrame).toBe(70)
  })

  it('L3 a first range before it: ranges count from the connection', () => {
    const ledger = reconnected(100, 40)
    ledger.sent(40, 5)
    expect(ledger.acknowledged([0, 20])).toMatchObject({ kind: 'resumed', keptFrames: 0 })
    expect(ledger.acknowledgedFrame).toBe(45)
    ledger.sent(45, 10)
    expect(ledger.acknowledged([20, 60])).toEqual({ kind: 'progress', frames: 55 })
  })

  it('L3 more than was ever sent is senseless and decides nothing', () => {
    const ledger = reconnected(100, 40)
    expect(ledger.acknowledged([800, 800])).toEqual({ kind: 'senseless' })
    expect(ledger.acknowledged([160, 160])).toMatchObject({ kind: 'resumed' })
  })

  it('L4 an empty range before it decides nothing', () => {
    const ledger = reconnected(100, 40)
    expect(ledger.acknowledged([0, 0])).toEqual({ kind: 'undecided' })
  })

  it('L5 what the probe doubles is mapped to the same frames', () => {
    const ledger = reconnected(100, 40)
    ledger.sent(40, 5)
    expect(ledger.acknowledged([280, 300])).toMatchObject({ kind: 'resumed', keptFrames: 30, doubledFrames: 5 })
    expect(ledger.nextFrame).toBe(70)
    ledger.sent(70, 30)
    expect([39, 69, 70, 74, 75, 104].map((at) => ledger.map.toFrame(at, 'start'))).toEqual([39, 69, 40, 44, 70, 99])
    expect(ledger.map.toFrame(75, 'end')).toBe(45)
  })

  it('a refused chunk that later audio was kept behind is lost, and one before nothing kept is sent again', () => {
    const make = () => {
      const ledger = new StreamLedger(FRAME)
      ledger.connect()
      for (let chunk = 0; chunk < 3; chunk++) ledger.sent(chunk * 10, 10)
      ledger.refused()
      ledger.connect()
      return ledger
    }
    expect(make().acknowledged([80, 80])).toMatchObject({ kind: 'resumed', keptFrames: 20, lost: [{ fromFrame: 0, toFrame: 10 }] })
    const discarded = make()
    expect(discarded.acknowledged([0, 0])).toMatchObject({ kind: 'resumed', keptFrames: 0, lost: [] })
    expect(discarded.nextFrame).toBe(0)
  })

  it('L6 a probe that was kept before its connection went is accounted for', () => {
    const ledger = reconnected(100, 40)
    ledger.sent(40, 5)
    ledger.connect()
    expect(ledger.acknowledged([420, 420])).toMatchObject({ kind: 'resumed', keptFrames: 65 })
    expect(ledger.nextFrame).toBe(100)
    expect(ledger.map.toFrame(104, 'start')).toBe(44)
  })

  it('through any cuts the service hears every frame in order, and positions map to the frames that stand there', () => {
    const step = fc.record({
      chunks: fc.integer({ min: 0, max: 6 }),
      size: fc.integer({ min: 1, max: 20 }),
      taken: fc.nat(120),
      acked: fc.nat(120),
      kept: fc.nat(120),
      probe: fc.nat(4),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const ledger = new StreamLedger(FRAME)
        const service: number[] = []
        let acknowledged = 0
        ledger.connect()
        steps.forEach(({ chunks, size, taken, acked, kept, probe }, at) => {
          if (at > 0 && ledger.connect()) {
            const from = ledger.probeFrame
            const start = service.length
            if (probe > 0) {
              ledger.sent(from, probe)
              for (let frame = from; frame < from + probe; frame++) service.push(frame)
            }
            const outcome = ledger.acknowledged([start * FRAME, service.length * FRAME])
            expect(outcome.kind).toBe('resumed')
            acknowledged = service.length
          }
          const before = service.length
          for (let chunk = 0; chunk < chunks; chunk++) {
            const from = ledger.nextFrame
            ledger.sent(from, size)
            for (let frame = from; frame < from + size; frame++) service.push(frame)
          }
          // part of it is received, part of that acknowledged, part of the rest survives the cut
          const received = Math.min(service.length, before + taken)
          const told = Math.min(received, before + Math.min(taken, acked))
          if (told > acknowledged) {
            ledger.acknowledged([before * FRAME, told * FRAME])
            acknowledged = told
          }
          service.length = Math.min(received, told + kept)
        })
        const seen = new Set<number>()
        let highest = -1
        for (const [position, frame] of service.entries()) {
          if (!seen.has(frame)) expect(frame).toBe(++highest)
          seen.add(frame)
          if (position < acknowledged) expect(ledger.map.toFrame(position, 'start')).toBe(frame)
        }
        expect(ledger.acknowledgedFrame).toBeLessThanOrEqual(highest + 1)
      }),
      { numRuns: 500 },
    )
  })

  it('L6 what was kept of probes on several lost connections is known by its sum', () => {
    const ledger = new StreamLedger(4)
    ledger.sent(0, 1600)
    ledger.sent(1600, 1600)
    for (const frames of [160, 259]) {
      ledger.connect()
      ledger.sent(0, frames)
    }
    ledger.connect()
    // nothing of the first two connections, all of the third
    expect(ledger.acknowledged([259 * 4, 259 * 4])).toMatchObject({ kind: 'resumed', keptFrames: 259 })
    expect(ledger.nextFrame).toBe(259)
    expect(ledger.map.runs).toEqual([{ serverFrom: 0, frameFrom: 0, frames: 259 }])
  })

  it('L6 where two readings are possible nothing counts as sent that one of them lacks', () => {
    const ledger = new StreamLedger(4)
    ledger.sent(0, 160)
    ledger.sent(160, 160)
    ledger.connect()
    ledger.sent(0, 160)
    ledger.connect()
    // two of the first connection, or one of each
    expect(ledger.acknowledged([320 * 4, 320 * 4])).toMatchObject({ kind: 'resumed', keptFrames: 320 })
    expect(ledger.nextFrame).toBe(160)
  })

  it('L6 what a result says is of the probes as well as of what was in flight before', () => {
    const ledger = new StreamLedger(4)
    ledger.sent(0, 1600)
    ledger.sent(1600, 1600)
    ledger.sent(3200, 1600)
    ledger.acknowledged([0, 1600 * 4])
    ledger.connect()
    ledger.sent(1600, 160)
    ledger.sent(1760, 258)
    // one of the two in flight came, and both probes, before the service gave the session up: no range told
    expect(ledger.confirm(1600 + 1600 + 418, 0)).toEqual({ kind: 'progress', frames: 3200 })
    expect(ledger.nextFrame).toBe(3200)
    expect(ledger.map.runs).toEqual([
      { serverFrom: 0, frameFrom: 0, frames: 3200 },
      { serverFrom: 3200, frameFrom: 1600, frames: 418 },
    ])
  })

  it('L6 a duration near everything that was sent means everything only when nothing was probed', () => {
    const lost = (probes: readonly number[]) => {
      const ledger = new StreamLedger(4)
      for (const from of [0, 1600, 3200]) ledger.sent(from, 1600)
      if (probes.length > 0) ledger.connect()
      for (const frames of probes) ledger.sent(ledger.probeFrame, frames)
      ledger.confirm(4800 - 100, 320)
      return ledger.acknowledgedFrame
    }
    expect(lost([])).toBe(4800)
    // two chunks of three, and pieces that come to nearly a third
    expect(lost([700, 800])).toBe(3200)
  })

  it('L6 a probe that was not taken is no rounding of a duration', () => {
    const ledger = new StreamLedger(4)
    ledger.sent(0, 1600)
    ledger.acknowledged([0, 1600 * 4])
    ledger.connect()
    // of what came in the outage
    ledger.sent(1600, 258)
    expect(ledger.confirm(1600, 320)).toEqual({ kind: 'nothing' })
    expect(ledger.confirm(1858, 320)).toEqual({ kind: 'progress', frames: 1858 })
  })

  it('L6 of a duration that no whole messages come to, sure is what probes cannot stand for', () => {
    const ledger = new StreamLedger(4)
    for (const from of [0, 1600, 3200]) ledger.sent(from, 1600)
    ledger.connect()
    ledger.sent(0, 200)
    expect(ledger.confirm(3333, 0)).toEqual({ kind: 'progress', frames: 3133 })
  })

  it('L7 what words were told of the service has, but for what an unanswered probe may stand for', () => {
    const ledger = reconnected(1600, 0)
    expect(ledger.told(1200.4)).toEqual({ kind: 'progress', frames: 1200 })
    expect(ledger.told(800)).toEqual({ kind: 'nothing' })
    expect(ledger.acknowledgedFrame).toBe(1200)
    // nothing was sent beyond
    expect(ledger.told(5000)).toEqual({ kind: 'progress', frames: 1600 })
    const probed = reconnected(1600, 0)
    probed.sent(probed.probeFrame, 300)
    expect(probed.told(1200)).toEqual({ kind: 'progress', frames: 900 })
  })

  it('L7 a refused chunk is not among it', () => {
    const ledger = new StreamLedger(FRAME)
    ledger.connect()
    for (const from of [0, 800, 1600]) ledger.sent(from, 800)
    ledger.acknowledged([0, 800 * FRAME])
    ledger.refused()
    expect(ledger.told(2000)).toEqual({ kind: 'nothing' })
    expect(ledger.acknowledgedFrame).toBe(800)
  })
})
