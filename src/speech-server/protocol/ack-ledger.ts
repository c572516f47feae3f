import type { SwitchValue } from '../behaviours/schema.js'

/** How a chunk is acknowledged. */
export type AckMode = Exclude<SwitchValue<'acks'>, 'reject'>

/** Bytes of the session's stream, half-open. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** What the ledger decided, in order: bytes to hand on, acknowledgements to send. */
export interface LedgerOutcome {
  readonly accepted: readonly Buffer[]
  readonly acks: readonly ByteRange[]
  /** ask `due(ticket)` after this many ms */
  readonly timer?: { readonly ticket: number; readonly ms: number }
}

interface Waiting extends ByteRange {
  readonly data: Buffer
  readonly mode: 'coalesce' | 'delay' | 'withhold'
  readonly ticket: number
}

const NOTHING: LedgerOutcome = { accepted: [], acks: [] }

/**
 * What a session has accepted and acknowledged. Pure: no clock, no socket.
 * L1 accepted bytes are a gapless sequence: their ranges follow each other from 0.
 * L2 acknowledgements go out in the order of their bytes, never twice.
 * L3 bytes whose acknowledgement waits are not accepted before it, unless they outgrow the bound (oldest first), the
 *    recording stops, or the socket is lost with `keep`; without `keep` they are discarded and their offsets used again.
 * L4 `drop` counts as acknowledged: the server is then ahead of what its client knows.
 */
export class AckLedger {
  readonly #maxWaitingBytes: number
  #waiting: Waiting[] = []
  #acceptedBytes = 0
  #waitingBytes = 0
  #tickets = 0

  constructor(maxWaitingBytes: number) {
    this.#maxWaitingBytes = maxWaitingBytes
  }

  /** bytes handed on so far */
  get acceptedBytes(): number {
    return this.#acceptedBytes
  }

  /** where the next chunk begins */
  get position(): number {
    return this.#acceptedBytes + this.#waitingBytes
  }

  /** Takes a chunk. @param data the ledger's until it is handed on */
  take(data: Buffer, mode: AckMode): LedgerOutcome {
    const range = { from: this.position, to: this.position + data.length }
    if (mode === 'each' || mode === 'drop') {
      const before = this.flush()
      this.#acceptedBytes += data.length
      return { accepted: [...before.accepted, data], acks: mode === 'each' ? [...before.acks, range] : before.acks }
    }
    const kind = mode === 'withhold' ? 'withhold' : 'coalesce' in mode ? 'coalesce' : 'delay'
    const ticket = ++this.#tickets
    this.#waiting.push({ ...range, data, mode: kind, ticket })
    this.#waitingBytes += data.length
    if (typeof mode === 'object' && 'coalesce' in mode && this.#waiting.length >= mode.coalesce) return this.flush()
    const accepted = this.#shed()
    return typeof mode === 'object' && 'delayMs' in mode
      ? { accepted, acks: [], timer: { ticket, ms: mode.delayMs } }
      : { accepted, acks: [] }
  }

  /** A timer of `take` has run out: acknowledges that chunk and what came before it. */
  due(ticket: number): LedgerOutcome {
    const count = this.#waiting.findIndex((one) => one.ticket === ticket) + 1
    return count === 0 ? NOTHING : this.#release(count)
  }

  /** Accepts and acknowledges everything that waits; what was withheld is accepted only. */
  flush(): LedgerOutcome {
    return this.#release(this.#waiting.length)
  }

  /** The socket is gone: what waits is accepted (`keep`) or forgotten, and acknowledged in neither case. */
  disconnect(keep: boolean): LedgerOutcome {
    const accepted = keep ? this.#release(this.#waiting.length).accepted : []
    this.#waiting = []
    this.#waitingBytes = 0
    return { accepted, acks: [] }
  }

  #release(count: number): LedgerOutcome {
    const released = this.#waiting.splice(0, count)
    const acks: { from: number; to: number; coalesced: boolean }[] = []
    for (const one of released) {
      this.#acceptedBytes += one.data.length
      this.#waitingBytes -= one.data.length
      if (one.mode === 'withhold') continue
      const last = acks.at(-1)
      if (one.mode === 'coalesce' && last?.coalesced && last.to === one.from) last.to = one.to
      else acks.push({ from: one.from, to: one.to, coalesced: one.mode === 'coalesce' })
    }
    return { accepted: released.map(({ data }) => data), acks: acks.map(({ from, to }) => ({ from, to })) }
  }

  #shed(): Buffer[] {
    const accepted: Buffer[] = []
    while (this.#waitingBytes > this.#maxWaitingBytes) accepted.push(...this.#release(1).accepted)
    return accepted
  }
}

/** How the ranges of an acknowledgement are written. */
export interface RangeStyle {
  readonly base: SwitchValue<'byteRangeBase'>
  readonly end: SwitchValue<'byteRangeEnd'>
  /** position at which the current connection began */
  readonly connectionStart: number
  readonly byteRate: number
}

/** `data` of an acknowledgement: bytes, and seconds of audio rounded to microseconds. An empty range stays empty when the end is inclusive. */
export function ackData(range: ByteRange, style: RangeStyle): { byte_range: [number, number]; time_range: [number, number] } {
  const base = style.base === 'connection' ? style.connectionStart : 0
  const from = range.from - base
  const to = range.to - base
  const seconds = (bytes: number) => Math.round((bytes / style.byteRate) * 1e6) / 1e6
  return {
    byte_range: [from, style.end === 'inclusive' && to > from ? to - 1 : to],
    time_range: [seconds(from), seconds(to)],
  }
}
