import { UpstreamError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import type { Claim, MeetingState } from './port.js'

/**
 * After an outage of the store a holder may be the last to notice that it is back: a connection that it had begun before is given up after
 * 5 s. Whoever has given no sign of life for so long then is dead.
 */
export const BACK_WITHIN_MS = 6_000

/** Who runs a meeting now, as the store knows it. */
export interface Standing {
  readonly state: MeetingState
  /** the newest claim's; 0 when nobody has claimed the meeting yet */
  readonly epoch: number
  /** the process that holds the newest claim; null when nobody has claimed the meeting yet */
  readonly holder: string | null
  /** grows while that process lives; null when it has said good-bye, or never beat (on an embedded database, which is nobody else's) */
  readonly beat: string | null
  /** its bot hears on, but waits for another one to take its place */
  readonly isReleased: boolean
}

/** A claim that was taken. */
export interface TakenClaim {
  readonly claim: Claim
  /** ms since the meeting's start, by the store's clock alone; null when it has not begun */
  readonly elapsedMs: number | null
  /** the store's clock, ms since 1970: what times of the meeting are written down by */
  readonly storeNowMs: number
  /**
   * ms since the last sign of life, by the store's clock, of the process that hears it still, or else of the last one that was in the room (or the
   * first of all), before it was taken from it: whoever died before that heard nobody. null: it gave none
   */
  readonly silentMs: number | null
  /** a bot before it hears until this one has joined: of the standing that it was taken from, or an earlier one that is not relieved yet */
  readonly isReleased: boolean
}

/** A claim that was given away, of which not everything that was heard under it is stored. */
export interface Unsettled {
  readonly epoch: number
  /** changes while its holder lives; null: that has said good-bye, or never gave one */
  readonly sign: string | null
  /** it was taken for dead, perhaps by a bot that did not live to see to what it had */
  readonly isRevoked: boolean
}

/** A meeting that nobody has begun finds all places taken: it waits for one. */
export function noPlace(places: number): UpstreamError {
  const text = `${places} meetings run already: another one waits until one of them ends, or for a higher ROOMSCRIBE_MAX_SESSIONS`
  return new UpstreamError('no_place', text, { service: 'process', retryable: true })
}

/**
 * Claims between processes. The epoch in the store is the only authority on who may write a meeting. Whether a holder lives is told by a
 * number that it makes grow: whoever wants to take over watches that number by a monotonic clock of its own, so that no wall clock, of
 * whichever host, decides about a meeting.
 */
export interface ClaimBook {
  /** names this process */
  readonly holder: string
  /** @throws NotFoundError */
  standing(id: MeetingId): Promise<Standing>
  /**
   * Takes the sole right to run the meeting, if its standing is still the one that was seen.
   * @param places how many meetings may run at once in all processes together; one that nobody has begun waits for a place. null: any number
   * @returns null when somebody else was faster, or the meeting is over
   * @throws UpstreamError `no_place`: so many run already
   */
  take(id: MeetingId, seen: Pick<Standing, 'epoch' | 'isReleased'>, places?: number | null): Promise<TakenClaim | null>
  /**
   * Says that the bot under this claim is in the room, and that what nobody heard before is stored. After the claim was taken it says nothing.
   */
  entered(claim: Claim): Promise<void>
  /** Lets another process take the meeting while the bot here hears on. @throws ClaimLostError */
  release(claim: Claim): Promise<void>
  /** Tells whoever takes the released claim until when this bot has heard. @param atMs ms from the meeting's start */
  left(claim: Claim, atMs: number): Promise<void>
  /** Until when the last bot before this claim that gave the meeting away has heard, ms from the meeting's start; null: it has not said. */
  leftBefore(claim: Claim): Promise<number | null>
  /** Says that everything that was heard under a released claim is stored: nobody need see to it. */
  settled(claim: Claim): Promise<void>
  /** Of other processes that had released the meeting before this claim, those that have not settled yet what they heard, by epoch. */
  before(claim: Claim): Promise<readonly Unsettled[]>
  /**
   * Takes some of those for dead: nothing of theirs that is not written yet is taken any more, whenever they wake up. Only by whoever has
   * the meeting: under an old claim it does nothing.
   */
  revoke(claim: Claim, epochs: readonly number[]): Promise<void>
  /**
   * The claim to write under what was heard under `claim`: itself, or the newest one when it was released before that was taken.
   * @throws ClaimLostError it was taken without having been released, or was revoked: nothing of it is written any more
   */
  standIn(claim: Claim): Promise<Claim>
  /** The store's clock, ms since 1970. */
  nowMs(): Promise<number>
  /**
   * Gives one sign of life: that this process lived when the last one was answered. When this one is taken says nothing, for a store that
   * stood still takes what waited there from whoever has died since.
   */
  beat(): Promise<void>
  /** Says good-bye: whoever waits for a claim of this process need not watch it. */
  leave(): Promise<void>
}
