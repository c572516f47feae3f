import { ClaimLostError } from '../../src/core/errors.js'
import type { MeetingId } from '../../src/core/ids.js'
import type { Clock } from '../../src/core/time.js'
import { BACK_WITHIN_MS, noPlace, type ClaimBook, type Standing, type TakenClaim, type Unsettled } from '../../src/records/claims.js'
import { FINAL_STATES, type Claim, type MeetingStore } from '../../src/records/port.js'

interface Held {
  holder: string | null
  isReleased: boolean
  hasEntered?: boolean
  /** the last sign, when it was taken, of the last bot that had been in the room */
  heardMs?: number
  isRevoked?: boolean
  leftMs: number | null
}

/** What all processes see of each other's claims. */
export class ClaimTable {
  /** by meeting, the claims in order of their epochs, from 1 */
  readonly claims = new Map<MeetingId, Held[]>()
  readonly beats = new Map<string, number>()
  /** when each gave the last one */
  readonly beatMs = new Map<string, number>()
}

/** The claims of one process, in memory, with the rules of the real ones; beats only when told to. */
export class MemoryClaims implements ClaimBook {
  readonly holder: string
  readonly #table: ClaimTable
  readonly #store: MeetingStore
  readonly #clock: Pick<Clock, 'nowMs'>
  answeredMs: number | null = null

  constructor(holder: string, table: ClaimTable, store: MeetingStore, clock: Pick<Clock, 'nowMs'>) {
    this.holder = holder
    this.#table = table
    this.#store = store
    this.#clock = clock
  }

  async standing(id: MeetingId): Promise<Standing> {
    const { state } = await this.#store.meeting(id)
    const claims = this.#of(id)
    const last = claims.at(-1)
    const beat = this.#table.beats.get(last?.holder ?? '')
    return {
      state,
      epoch: claims.length,
      holder: last?.holder ?? null,
      beat: beat === undefined ? null : String(beat),
      isReleased: last?.isReleased ?? false,
    }
  }

  async take(id: MeetingId, seen: Pick<Standing, 'epoch' | 'isReleased'>, places: number | null = null): Promise<TakenClaim | null> {
    const running = places === null || seen.epoch > 0 ? [] : await this.#store.meetings({ limit: 100 })
    const { state, startedAt } = await this.#store.meeting(id)
    // the real one is one statement: from this look to its place in the table nothing is waited for
    const claims = this.#of(id)
    if (claims.length !== seen.epoch || FINAL_STATES.includes(state) || state === 'finalising') return null
    const taken = running.filter((one) => this.#of(one.id).length > 0 && ![...FINAL_STATES, 'finalising'].includes(one.state))
    if (places !== null && seen.epoch === 0 && taken.length >= places) throw noPlace(places)
    const nowMs = this.#clock.nowMs()
    const silenceOf = (held: Held | undefined) => nowMs - (this.#table.beatMs.get(held?.holder ?? '') ?? Number.NEGATIVE_INFINITY)
    const before = claims.at(-1)
    const isSilent = before !== undefined && claims.length > 1 && before.hasEntered !== true
    const last = isSilent ? nowMs - (before.heardMs ?? Number.NEGATIVE_INFINITY) : silenceOf(before)
    const elapsedMs = startedAt === null ? null : nowMs - Date.parse(startedAt)
    const hears = claims.slice(0, Math.max(0, seen.epoch - 1)).findLast(({ isReleased, leftMs }) => isReleased && leftMs === null)
    const isHeard = silenceOf(hears) < BACK_WITHIN_MS
    const silentMs = isHeard ? silenceOf(hears) : last
    claims.push({ holder: this.holder, isReleased: false, leftMs: null, heardMs: nowMs - last })
    return {
      claim: await this.#store.claim(id),
      elapsedMs,
      storeNowMs: nowMs,
      silentMs: Number.isFinite(silentMs) ? silentMs : null,
      isReleased: seen.isReleased || isHeard,
    }
  }

  entered(claim: Claim): Promise<void> {
    const claims = this.#of(claim.meetingId)
    const own = claims[claim.epoch - 1]
    if (own && claims.length === claim.epoch) own.hasEntered = true
    return Promise.resolve()
  }

  release(claim: Claim): Promise<void> {
    const claims = this.#of(claim.meetingId)
    const own = claims[claim.epoch - 1]
    if (!own || claims.length !== claim.epoch) return Promise.reject(new ClaimLostError('taken'))
    own.isReleased = true
    return Promise.resolve()
  }

  left(claim: Claim, atMs: number): Promise<void> {
    const own = this.#of(claim.meetingId)[claim.epoch - 1]
    if (own?.isReleased) own.leftMs = atMs
    return Promise.resolve()
  }

  leftBefore(claim: Claim): Promise<number | null> {
    const before = this.#of(claim.meetingId).slice(0, claim.epoch - 1)
    return Promise.resolve(before.findLast(({ isReleased }) => isReleased)?.leftMs ?? null)
  }

  settled(claim: Claim): Promise<void> {
    const own = this.#of(claim.meetingId)[claim.epoch - 1]
    if (own?.isReleased && own.holder === this.holder) own.holder = null
    return Promise.resolve()
  }

  before(claim: Claim): Promise<readonly Unsettled[]> {
    const unsettled = this.#before(claim).map(({ epoch, held }) => {
      const beat = this.#table.beats.get(held.holder ?? '')
      return { epoch, sign: beat === undefined ? null : String(beat), isRevoked: held.isRevoked === true }
    })
    return Promise.resolve(unsettled)
  }

  revoke(claim: Claim, epochs: readonly number[]): Promise<void> {
    const isOwner = this.#of(claim.meetingId).length === claim.epoch
    for (const { epoch, held } of isOwner ? this.#before(claim) : []) {
      if (epochs.includes(epoch)) Object.assign(held, { isReleased: false, isRevoked: true })
    }
    return Promise.resolve()
  }

  standIn(claim: Claim): Promise<Claim> {
    const claims = this.#of(claim.meetingId)
    if (claims.length !== claim.epoch && claims[claim.epoch - 1]?.isReleased !== true) return Promise.reject(new ClaimLostError('taken'))
    return Promise.resolve({ ...claim, epoch: claims.length, ...(claims.length !== claim.epoch && { standsFor: claim.epoch }) })
  }

  nowMs(): Promise<number> {
    return Promise.resolve(this.#clock.nowMs())
  }

  async beat(): Promise<void> {
    this.answeredMs = await this.sign(this.answeredMs)
  }

  /** The store's part of a beat. @param answeredMs when its sender had its last answer @returns when this one is given */
  sign(answeredMs: number | null): Promise<number> {
    const nowMs = this.#clock.nowMs()
    this.#table.beats.set(this.holder, (this.#table.beats.get(this.holder) ?? 0) + 1)
    this.#table.beatMs.set(this.holder, answeredMs ?? nowMs)
    return Promise.resolve(nowMs)
  }

  leave(): Promise<void> {
    this.#table.beats.delete(this.holder)
    this.#table.beatMs.delete(this.holder)
    return Promise.resolve()
  }

  /** Of other processes, released or revoked, and not settled. */
  #before(claim: Claim): { readonly epoch: number; readonly held: Held }[] {
    const claims = this.#of(claim.meetingId).slice(0, claim.epoch - 1)
    return claims.flatMap((held, at) => {
      const { holder, isReleased, isRevoked = false } = held
      return (isReleased || isRevoked) && holder !== null && holder !== this.holder ? [{ epoch: at + 1, held }] : []
    })
  }

  #of(id: MeetingId): Held[] {
    const claims = this.#table.claims.get(id) ?? []
    this.#table.claims.set(id, claims)
    return claims
  }
}
