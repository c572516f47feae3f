import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ackData, AckLedger, type AckMode, type LedgerOutcome } from '../../../../src/speech-server/protocol/ack-ledger.js'

const bytes = (length: number) => Buffer.alloc(length)
const ranges = ({ acks }: LedgerOutcome) => acks.map(({ from, to }) => [from, to])
const sizes = ({ accepted }: LedgerOutcome) => accepted.map(({ length }) => length)

describe('AckLedger', () => {
  it('accepts and acknowledges each chunk at once', () => {
    const ledger = new AckLedger(1000)
    const first = ledger.take(bytes(10), 'each')
    const second = ledger.take(bytes(6), 'each')
    expect([ranges(first), ranges(second), sizes(second)]).toEqual([[[0, 10]], [[10, 16]], [6]])
    expect([ledger.acceptedBytes, ledger.position]).toEqual([16, 16])
  })

  it('L3 what waits is not accepted, and its offsets are used again after a loss', () => {
    const ledger = new AckLedger(1000)
    expect(ledger.take(bytes(10), 'withhold')).toEqual({ accepted: [], acks: [] })
    expect([ledger.acceptedBytes, ledger.position]).toEqual([0, 10])
    expect(ledger.disconnect(false)).toEqual({ accepted: [], acks: [] })
    expect(ranges(ledger.take(bytes(4), 'each'))).toEqual([[0, 4]])
  })

  it('L3 what waits is accepted after a loss with keep, and never acknowledged', () => {
    const ledger = new AckLedger(1000)
    ledger.take(bytes(10), { delayMs: 5 })
    const lost = ledger.disconnect(true)
    expect([sizes(lost), ranges(lost)]).toEqual([[10], []])
    expect(ranges(ledger.take(bytes(4), 'each'))).toEqual([[10, 14]])
  })

  it('L3 what outgrows the bound is accepted oldest first', () => {
    const ledger = new AckLedger(15)
    ledger.take(bytes(10), 'withhold')
    const over = ledger.take(bytes(10), 'withhold')
    expect([sizes(over), ranges(over), ledger.acceptedBytes]).toEqual([[10], [], 10])
  })

  it('L2 a chunk that is acknowledged at once takes those before it along', () => {
    const ledger = new AckLedger(1000)
    const delayed = ledger.take(bytes(2), { delayMs: 9 })
    ledger.take(bytes(2), { delayMs: 9 })
    const now = ledger.take(bytes(2), 'each')
    expect([sizes(now), ranges(now)]).toEqual([
      [2, 2, 2],
      [
        [0, 2],
        [2, 4],
        [4, 6],
      ],
    ])
    expect(ledger.due(delayed.timer?.ticket ?? 0)).toEqual({ accepted: [], acks: [] })
  })

  it('a timer acknowledges its chunk and what came before, once', () => {
    const ledger = new AckLedger(1000)
    const first = ledger.take(bytes(2), { delayMs: 9 })
    const second = ledger.take(bytes(2), { delayMs: 1 })
    expect(second.timer).toEqual({ ticket: expect.any(Number) as number, ms: 1 })
    expect(ranges(ledger.due(second.timer?.ticket ?? 0))).toEqual([
      [0, 2],
      [2, 4],
    ])
    expect(ranges(ledger.due(first.timer?.ticket ?? 0))).toEqual([])
  })

  it('coalesced chunks are one range', () => {
    const ledger = new AckLedger(1000)
    expect([1, 2, 3].flatMap(() => ranges(ledger.take(bytes(4), { coalesce: 3 })))).toEqual([[0, 12]])
    ledger.take(bytes(4), { coalesce: 3 })
    expect(ranges(ledger.flush())).toEqual([[12, 16]])
  })

  it('L4 dropped acknowledgements count as given', () => {
    const ledger = new AckLedger(1000)
    const dropped = ledger.take(bytes(8), 'drop')
    expect([sizes(dropped), ranges(dropped), ledger.acceptedBytes]).toEqual([[8], [], 8])
  })

  it('L1 L2 whatever happens, accepted bytes are gapless and acknowledgements ascend within them', () => {
    const mode: fc.Arbitrary<AckMode> = fc.constantFrom<AckMode[]>(
      'each',
      'drop',
      'withhold',
      { coalesce: 2 },
      { coalesce: 3 },
      { delayMs: 1 },
    )
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take' as const), size: fc.nat(9), mode }),
      fc.record({ kind: fc.constantFrom('due' as const, 'flush' as const, 'lose' as const, 'keep' as const), pick: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ledger = new AckLedger(20)
        const tickets: number[] = []
        // the stream as the client must resend it: one byte value a position, cut back at every discard
        let stream = 0
        const accepted: number[] = []
        let lastAck = 0
        for (const one of steps) {
          let outcome: LedgerOutcome
          if (one.kind === 'take') {
            expect(ledger.position).toBe(stream)
            outcome = ledger.take(Buffer.from(Array.from({ length: one.size }, (_, at) => (stream + at) % 251)), one.mode)
            stream += one.size
            if (outcome.timer) tickets.push(outcome.timer.ticket)
          } else if (one.kind === 'due') outcome = ledger.due(tickets[one.pick % Math.max(1, tickets.length)] ?? 0)
          else if (one.kind === 'flush') outcome = ledger.flush()
          else {
            outcome = ledger.disconnect(one.kind === 'keep')
            stream = ledger.position
          }
          for (const piece of outcome.accepted) accepted.push(...piece)
          for (const { from, to } of outcome.acks) {
            expect(from).toBeGreaterThanOrEqual(lastAck)
            expect(to).toBeLessThanOrEqual(ledger.acceptedBytes)
            lastAck = to
          }
          expect(ledger.acceptedBytes).toBe(accepted.length)
        }
        expect(accepted).toEqual(accepted.map((_, at) => at % 251))
      }),
    )
  })
})

describe('ackData', () => {
  const style = { base: 'session' as const, end: 'half_open' as const, connectionStart: 3200, byteRate: 32_000 }
  it('counts from the session, in bytes and seconds', () => {
    expect(ackData({ from: 3200, to: 6400 }, style)).toEqual({ byte_range: [3200, 6400], time_range: [0.1, 0.2] })
  })
  it('counts from the connection', () => {
    expect(ackData({ from: 3200, to: 6400 }, { ...style, base: 'connection' })).toEqual({ byte_range: [0, 3200], time_range: [0, 0.1] })
  })
  it('names the last byte, but leaves an empty range empty', () => {
    expect(ackData({ from: 0, to: 3200 }, { ...style, end: 'inclusive' }).byte_range).toEqual([0, 3199])
    expect(ackData({ from: 5, to: 5 }, { ...style, end: 'inclusive' }).byte_range).toEqual([5, 5])
  })
})
