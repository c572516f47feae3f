import { assertNever, StateError } from '../../../core/errors.js'
import { type Identity, type TrackKey, trackKey } from '../../../core/ids.js'
import type { RefusalReason, RoomTrack } from '../port.js'
import type { TrackAction, TrackEnd, TrackEvent } from './track-events.js'

/** Bounds; times in ms. */
export interface TrackBookLimits {
  readonly tailMs: number
  readonly holdMs: number
  readonly maxPerKey: number
  readonly askAgainMs: number
  readonly lateMs: number
  readonly rejoinMs: number
}

interface Publication {
  readonly sid: string
  readonly slot: Slot
  /** asked for: counts towards `maxPerKey` */
  wanted: boolean
  /** waits for a place */
  refused: boolean
  subscribed: boolean
  muted: boolean
  /** asked for and unmuted since then, monotonic ms; and when it is to be asked for again */
  sinceMs: number
  againMs: number
}

type EndingWhy = 'revoked' | 'unpublished' | 'left'

/** What a key is doing; see the diagram above. */
export type SlotState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'open'; readonly sid: string }
  | { readonly kind: 'tail'; readonly sid: string; readonly closeAtMs: number }
  | { readonly kind: 'ending'; readonly sid: string; readonly why: EndingWhy; readonly endAtMs: number }

interface Slot {
  readonly track: RoomTrack
  /** by time of publication, oldest first */
  readonly publications: Publication[]
  state: SlotState
  /** since when nothing of it is heard, monotonic ms; infinitely long before it is heard for the first time */
  quietSinceMs: number
  refusedAs: RefusalReason | null
}

const IDLE: SlotState = { kind: 'idle' }

/**
 * Which publication is heard under which key. Pure: events in, actions out; SIDs are known only inside.
 *
 * A key (identity + source) is in one of four states:
 *
 *   idle --a candidate--> open --muted--> tail --tailMs--> idle     (ended: muted)
 *                          |  ^------unmuted------|
 *                          |--newer candidate--> open               (ended: superseded)
 *                          '--stream gone--> ending --holdMs--> idle (ended: revoked | unpublished | left | reconnecting)
 *
 * T1 a candidate is a publication that is subscribed and not muted; the newest published one is heard
 * T2 after a mute the stream is read on for `tailMs`: the end of speech arrives after the event
 * T3 why a stream went is told by later events: the end is reported when one of them is certain, when the key is
 *    heard again, or after `holdMs`; a stream that went for no stated reason while another track of the key can be
 *    heard is superseded
 * T4 at most `maxPerKey` publications of one key are subscribed, first come; the rest wait for a place
 * T5 what was asked for while reconnecting is asked for again afterwards: the library forgets it
 * T6 `started` and `ended` alternate for each key, and `ended` comes after the stream is closed
 * T7 whoever subscribes may be refused a place: a key is refused while it is idle and an unmuted publication of it got none;
 *    `refused` is followed by `unrefused` or by `started`, which ends it too, and never comes between `started` and `ended`
 * T8 every publication that was asked for is forgotten once, when it is gone
 * T9 an unmuted publication that was asked for and does not come is asked for again every `askAgainMs`; after `lateMs` its key is refused as
 *    `not_received`, until it comes. `started` says since when it should have come. No time counts in which the key was heard by another
 *    publication. When for `rejoinMs` nothing at all has come of what was asked for, the connection is no good
 *    (`rejoin`, once). Nothing of this counts while reconnecting
 */
export class TrackBook {
  readonly #limits: TrackBookLimits
  readonly #slots = new Map<TrackKey, Slot>()
  readonly #bySid = new Map<string, Publication>()
  #reconnecting = false
  #isRejoinAsked = false

  constructor(limits: TrackBookLimits) {
    this.#limits = limits
  }

  /** monotonic ms at which a `tick` has something to do; Infinity when nothing waits */
  get deadlineMs(): number {
    let deadline = Infinity
    for (const { state } of this.#slots.values()) deadline = Math.min(deadline, dueMs(state))
    for (const publication of this.#missing()) {
      const { sinceMs, againMs, slot } = publication
      deadline = Math.min(deadline, againMs, isUntold(slot) ? awaitedSinceMs(publication) + this.#limits.lateMs : Infinity)
      if (!this.#isRejoinAsked) deadline = Math.min(deadline, Math.max(againMs, sinceMs + this.#limits.rejoinMs))
    }
    return deadline
  }

  /** how many keys it remembers, for leak checks */
  get size(): number {
    return this.#slots.size
  }

  /** Whether a publication is not open, as far as is known. */
  isMuted(sid: string): boolean {
    return this.#bySid.get(sid)?.muted ?? true
  }

  /** State of a key, for tests and diagnosis. */
  stateOf(key: TrackKey): SlotState['kind'] {
    return this.#slots.get(key)?.state.kind ?? 'idle'
  }

  apply(event: TrackEvent, nowMs: number): TrackAction[] {
    const actions: TrackAction[] = []
    switch (event.kind) {
      case 'published':
        this.#published(event, nowMs)
        break
      case 'refused':
        this.#change(event.sid, (publication) => (publication.refused = true))
        break
      case 'subscribed':
        this.#change(event.sid, (publication) => {
          publication.subscribed = true
          publication.refused = false
        })
        break
      case 'muted':
      case 'unmuted':
        this.#change(event.sid, (publication) => this.#setMuted(publication, event.kind === 'muted', nowMs))
        break
      case 'unsubscribed':
        this.#change(event.sid, (publication) => {
          publication.subscribed = false
          this.#expect(publication, nowMs)
        })
        this.#lost(event.sid, 'revoked', actions, nowMs)
        break
      case 'unpublished':
        this.#lost(event.sid, 'unpublished', actions, nowMs)
        this.#remove(event.sid, actions)
        break
      case 'gone':
        for (const slot of this.#slotsOf(event.identity)) this.#gone(slot, event.certain, actions, nowMs)
        break
      case 'back':
        for (const slot of this.#slotsOf(event.identity)) this.#end(slot, 'unpublished', actions)
        break
      case 'reconnecting':
        this.#reconnecting = true
        for (const slot of this.#slots.values()) this.#end(slot, 'reconnecting', actions)
        break
      case 'reconnected':
        this.#reconnecting = false
        for (const publication of this.#bySid.values()) {
          this.#expect(publication, nowMs)
          if (publication.wanted && !publication.subscribed) actions.push({ kind: 'subscribe', sid: publication.sid })
        }
        break
      case 'tick':
        break
      default:
        assertNever(event)
    }
    for (const slot of this.#slots.values()) this.#settle(slot, actions, nowMs)
    this.#askAgain(actions, nowMs)
    return actions
  }

  #published(event: Extract<TrackEvent, { kind: 'published' }>, nowMs: number): void {
    const sinceMs = event.sinceMs ?? nowMs
    const known = this.#bySid.get(event.sid)
    if (known) {
      this.#setMuted(known, event.muted, sinceMs)
      return
    }
    const key = trackKey(event.identity, event.source)
    let slot = this.#slots.get(key)
    if (!slot) {
      const track = { key, identity: event.identity, source: event.source }
      slot = { track, publications: [], state: IDLE, quietSinceMs: Number.NEGATIVE_INFINITY, refusedAs: null }
      this.#slots.set(key, slot)
    }
    const { sid, muted } = event
    const publication = { sid, slot, wanted: false, refused: false, subscribed: false, muted, sinceMs, againMs: Infinity }
    this.#expect(publication, sinceMs)
    slot.publications.push(publication)
    this.#bySid.set(event.sid, publication)
  }

  #setMuted(publication: Publication, muted: boolean, nowMs: number): void {
    if (publication.muted && !muted) this.#expect(publication, nowMs)
    publication.muted = muted
  }

  /** From now on it should come. */
  #expect(publication: Publication, nowMs: number): void {
    publication.sinceMs = nowMs
    publication.againMs = nowMs + this.#limits.askAgainMs
  }

  /** What was asked for and should have come. */
  #missing(): Publication[] {
    if (this.#reconnecting) return []
    return [...this.#bySid.values()].filter(({ wanted, refused, subscribed, muted }) => wanted && !refused && !subscribed && !muted)
  }

  #askAgain(actions: TrackAction[], nowMs: number): void {
    const missing = this.#missing()
    for (const publication of missing) {
      if (publication.againMs > nowMs) continue
      publication.againMs = nowMs + this.#limits.askAgainMs
      actions.push({ kind: 'again', sid: publication.sid })
    }
    if (this.#isRejoinAsked || !missing.some(({ sinceMs }) => nowMs - sinceMs >= this.#limits.rejoinMs)) return
    if ([...this.#bySid.values()].some(({ subscribed }) => subscribed)) return
    this.#isRejoinAsked = true
    actions.push({ kind: 'rejoin' })
  }

  #change(sid: string, change: (publication: Publication) => void): void {
    const publication = this.#bySid.get(sid)
    if (publication) change(publication)
  }

  #remove(sid: string, actions: TrackAction[]): void {
    const publication = this.#bySid.get(sid)
    if (!publication) return
    this.#bySid.delete(sid)
    if (publication.wanted) actions.push({ kind: 'forget', sid })
    publication.slot.publications.splice(publication.slot.publications.indexOf(publication), 1)
  }

  /** The stream of this publication is gone; what we know of the reason so far (T3). */
  #lost(sid: string, why: EndingWhy, actions: TrackAction[], nowMs: number): void {
    const slot = this.#bySid.get(sid)?.slot
    if (!slot) return
    const { state } = slot
    if ((state.kind === 'open' || state.kind === 'tail') && state.sid === sid) {
      this.#close(slot, actions, nowMs)
      slot.state = { kind: 'ending', sid, why, endAtMs: nowMs + this.#limits.holdMs }
      if (this.#reconnecting) this.#end(slot, 'reconnecting', actions)
    } else if (state.kind === 'ending' && state.why === 'revoked') {
      slot.state = { ...state, why }
    }
  }

  #gone(slot: Slot, certain: boolean, actions: TrackAction[], nowMs: number): void {
    for (const sid of slot.publications.map((publication) => publication.sid)) {
      this.#lost(sid, 'left', actions, nowMs)
      this.#remove(sid, actions)
    }
    if (slot.state.kind === 'ending') slot.state = { ...slot.state, why: 'left' }
    if (certain) this.#end(slot, 'left', actions)
  }

  /** Reports the end of a stream that is gone already. */
  #end(slot: Slot, why: TrackEnd, actions: TrackAction[]): void {
    if (slot.state.kind !== 'ending') return
    slot.state = IDLE
    actions.push({ kind: 'ended', key: slot.track.key, why })
  }

  /** Brings the slot to where its publications and the time want it. */
  #settle(slot: Slot, actions: TrackAction[], nowMs: number): void {
    this.#subscribe(slot, actions)
    this.#move(slot, actions, nowMs)
    if (slot.state.kind !== 'idle') return
    const refusal = this.#refusalOf(slot, nowMs)
    if (slot.refusedAs !== null && refusal?.why !== slot.refusedAs) {
      actions.push({ kind: 'unrefused', key: slot.track.key })
      slot.refusedAs = null
    }
    if (refusal && slot.refusedAs === null) actions.push({ kind: 'refused', track: slot.track, ...refusal })
    slot.refusedAs = refusal?.why ?? null
    if (slot.publications.length === 0) this.#slots.delete(slot.track.key)
  }

  /** Why a key that is idle is not heard although its microphone is open; null: there is no reason to be told. */
  #refusalOf(slot: Slot, nowMs: number): { why: RefusalReason; forMs: number } | null {
    const open = slot.publications.filter(({ muted }) => !muted)
    if (open.some(({ refused }) => refused)) return { why: 'over_capacity', forMs: 0 }
    if (this.#reconnecting) return null
    const sinceMs = Math.min(Infinity, ...open.filter(({ wanted, subscribed }) => wanted && !subscribed).map(awaitedSinceMs))
    return nowMs - sinceMs >= this.#limits.lateMs ? { why: 'not_received', forMs: nowMs - sinceMs } : null
  }

  #move(slot: Slot, actions: TrackAction[], nowMs: number): void {
    const { key } = slot.track
    const best = slot.publications.findLast((publication) => publication.subscribed && !publication.muted)
    const { state } = slot
    switch (state.kind) {
      case 'idle':
        if (best) this.#open(slot, best, actions)
        return
      case 'open':
        if (this.#held(state.sid).muted) {
          slot.state = { kind: 'tail', sid: state.sid, closeAtMs: nowMs + this.#limits.tailMs }
        } else if (best && best.sid !== state.sid) {
          this.#close(slot, actions, nowMs)
          actions.push({ kind: 'ended', key, why: 'superseded' })
          this.#open(slot, best, actions)
        }
        return
      case 'tail':
        if (!this.#held(state.sid).muted) {
          slot.state = { kind: 'open', sid: state.sid }
          this.#move(slot, actions, nowMs)
        } else if (state.closeAtMs <= nowMs) {
          this.#close(slot, actions, nowMs)
          actions.push({ kind: 'ended', key, why: 'muted' })
          slot.state = IDLE
          if (best) this.#open(slot, best, actions)
        }
        return
      case 'ending':
        if (!best && state.endAtMs > nowMs) return
        this.#end(slot, best && best.sid !== state.sid && state.why === 'revoked' ? 'superseded' : state.why, actions)
        this.#move(slot, actions, nowMs)
        return
      default:
        assertNever(state)
    }
  }

  #open(slot: Slot, publication: Publication, actions: TrackAction[]): void {
    const { track } = slot
    slot.refusedAs = null
    slot.state = { kind: 'open', sid: publication.sid }
    actions.push({ kind: 'open', sid: publication.sid, key: track.key }, { kind: 'started', track, sinceMs: awaitedSinceMs(publication) })
  }

  #close(slot: Slot, actions: TrackAction[], nowMs: number): void {
    slot.quietSinceMs = nowMs
    actions.push({ kind: 'close', key: slot.track.key })
  }

  #subscribe(slot: Slot, actions: TrackAction[]): void {
    let places = this.#limits.maxPerKey - slot.publications.filter(({ wanted }) => wanted).length
    for (const publication of slot.publications) {
      if (publication.wanted || places === 0) continue
      publication.wanted = true
      places -= 1
      actions.push({ kind: 'subscribe', sid: publication.sid })
    }
  }

  #held(sid: string): Publication {
    const publication = this.#bySid.get(sid)
    if (!publication) throw new StateError('a track is heard of which no publication is known')
    return publication
  }

  #slotsOf(identity: Identity): Slot[] {
    return [...this.#slots.values()].filter(({ track }) => track.identity === identity)
  }
}

/** Since when it should come, monotonic ms: as long as its key is heard by another one nothing is missed. */
const awaitedSinceMs = ({ sinceMs, slot }: Publication): number => Math.max(sinceMs, slot.quietSinceMs)

/** Whether it would be refused for what does not come: not while it is heard, and once. */
const isUntold = ({ state, refusedAs }: Slot): boolean => state.kind === 'idle' && refusedAs === null

function dueMs(state: SlotState): number {
  if (state.kind === 'tail') return state.closeAtMs
  return state.kind === 'ending' ? state.endAtMs : Infinity
}
