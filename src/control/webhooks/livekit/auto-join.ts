import { Scope } from '../../../core/scope.js'
import type { Clock } from '../../../core/time.js'
import type { JobQueue } from '../../../followup/port.js'
import { LastingFault } from '../../../observe/lasting-fault.js'
import type { Logger } from '../../../observe/logger.js'
import type { AutoJoinBook } from '../../../records/auto-join.js'
import { FINAL_STATES, type MeetingRequest, type MeetingStore } from '../../../records/port.js'
import { matchesPattern } from '../../auth/caller.js'
import { decide, needsPeople, type RoomView } from './policy.js'

/** Who knows what is in the rooms: the server. */
export interface RoomCensus {
  rooms(): Promise<readonly RoomPlace[]>
  /** null: there is no such room */
  room(name: string): Promise<RoomPlace | null>
  /** people in it now */
  people(name: string): Promise<number>
}
/** A room that there is. */
export type RoomPlace = Omit<RoomView, 'people'> & { readonly name: string }

/** What auto-join works with. */
export interface AutoJoinParts {
  readonly census: RoomCensus
  readonly store: Pick<MeetingStore, 'create' | 'lastOf' | 'meetings' | 'requestStop'>
  readonly book: AutoJoinBook
  readonly queue: Pick<JobQueue, 'attend'>
  readonly clock: Clock
  readonly logger: Logger
  /** rooms, `*` stands for any characters */
  readonly patterns: readonly string[]
  /** how many people a meeting takes */
  readonly minPeople: number
  readonly language: string | null
  /** told of each meeting that was started here, by what led to it */
  readonly started?: (by: Hint) => void
  /** how often rooms are listed; default 15 s */
  readonly everyMs?: number
}

/** What says that a room is worth a look. */
export type Hint = 'webhook' | 'listing'

const EVERY_MS = 15_000
/** Whose turn a round is, is asked this often: whoever dies in one is followed by another process. */
const TURN_MS = 5_000
/** A turn that is asked for a little early is not missed. */
const SLACK_MS = 1_000
/** Rooms looked at at the same time: a few calls to the server and the store each. */
const AT_ONCE = 4
/** Rooms that wait for a look; what is beyond is found by a later round. */
const MAX_WAITING = 5_000
/** A meeting that is ending while people are there. */
const AGAIN_MS = 2_000
/** A meeting that has not ended by then is held up: the rounds go on looking. */
const MAX_AGAIN = 20
/** Meetings that wait for a bot, looked at in a round in case that their rooms have ended. */
const MAX_QUEUED = 500

/**
 * Starts bots in rooms by themselves. A webhook and a listing say the same: look at this room. What is found there decides (policy.ts),
 * so that any number of processes may look at the same room at the same time: a room has one running meeting, in the store.
 */
export class AutoJoin {
  readonly #parts: AutoJoinParts
  readonly #scope: Scope
  readonly #waiting = new Map<string, { by: Hint; place: RoomPlace | undefined }>()
  readonly #running = new Set<string>()
  readonly #again = new Map<string, () => void>()
  /** looks in a row that found the same meeting ending */
  readonly #tries = new Map<string, number>()
  readonly #fault: LastingFault
  #isInRound = false
  #isClosed = false

  constructor(parts: AutoJoinParts) {
    this.#parts = parts
    this.#scope = new Scope()
    this.#fault = new LastingFault(parts, {
      failed: 'rooms cannot be looked at: bots join no new ones by themselves',
      lasts: 'rooms have not been looked at for a minute: LiveKit or the database is away',
      over: 'rooms can be looked at again',
    })
  }

  /** Lists rooms now and at times. */
  start(): void {
    this.#turn()
    this.#scope.defer(
      'turns',
      this.#parts.clock.every(TURN_MS, () => this.#turn()),
    )
  }

  /** Something has happened in a room: it is looked at soon, once however often this is called. */
  look(room: string): void {
    if (this.#fits(room)) this.#enqueue(room, 'webhook')
  }

  /** Ends after what is under way. May be called twice. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#waiting.clear()
    for (const cancel of this.#again.values()) cancel()
    this.#again.clear()
    return this.#scope.close()
  }

  #fits(room: string): boolean {
    return this.#parts.patterns.some((pattern) => matchesPattern(pattern, room))
  }

  #enqueue(room: string, by: Hint, place?: RoomPlace): void {
    if (this.#isClosed || (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(room))) return
    // a webhook that came in between knows more than the list
    if (by === 'webhook' || !this.#waiting.has(room)) this.#waiting.set(room, { by, place })
    this.#pump()
  }

  #pump(): void {
    for (const [room, { by, place }] of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return
      // a look that is under way may have asked before this happened: the next one follows it
      if (this.#running.has(room)) continue
      this.#waiting.delete(room)
      this.#running.add(room)
      this.#scope.run('look', () => this.#lookAt(room, by, place))
    }
  }

  async #lookAt(room: string, by: Hint, place?: RoomPlace): Promise<void> {
    try {
      await this.#decide(room, by, place)
      this.#fault.worked()
    } catch (thrown) {
      this.#fault.failed(thrown)
    } finally {
      this.#running.delete(room)
      if (!this.#isClosed) this.#pump()
    }
  }

  async #decide(room: string, by: Hint, listed?: RoomPlace): Promise<void> {
    const { census, store, book, queue, clock, minPeople } = this.#parts
    const place = listed ?? (await census.room(room))
    const last = await store.lastOf(room)
    const memory = await book.memory(room)
    // last of all, so that what is decided rests on who is there now
    const people = place && needsPeople(last) ? await census.people(room) : 0
    const view = place && { sid: place.sid, createdMs: place.createdMs, people }
    const decision = decide({ view, last, memory, minPeople, nowMs: clock.nowMs() })
    if (decision.memory && decision.memory !== memory) await book.remember(room, decision.memory)
    if (decision.act !== 'look_again') this.#tries.delete(room)
    switch (decision.act) {
      case 'start': {
        const { meeting, created } = await store.create(this.#request(room))
        await queue.attend(meeting.id)
        if (!created) return
        await book.remember(room, { meetingId: meeting.id, sid: view?.sid ?? null, isOwn: true, isCleared: false })
        this.#parts.logger.info({ meeting: meeting.id, room, people: view?.people, by }, 'people are in a room: a bot joins by itself')
        this.#parts.started?.(by)
        return
      }
      case 'cancel':
        if (last) await store.requestStop(last.id)
        return
      case 'look_again':
        this.#lookLater(room)
        return
      case 'nothing':
        return
    }
  }

  #lookLater(room: string): void {
    const tries = (this.#tries.get(room) ?? 0) + 1
    if (this.#again.has(room) || this.#isClosed || tries > MAX_AGAIN || this.#tries.size >= MAX_WAITING) return
    this.#tries.set(room, tries)
    const look = () => {
      this.#again.delete(room)
      this.#enqueue(room, 'webhook')
    }
    this.#again.set(room, this.#parts.clock.after(AGAIN_MS, look))
  }

  #turn(): void {
    if (this.#isInRound || this.#isClosed) return
    this.#isInRound = true
    this.#scope.run('round', async () => {
      try {
        await this.#round()
      } catch (thrown) {
        this.#fault.failed(thrown)
      } finally {
        this.#isInRound = false
      }
    })
  }

  /** Looks at every room that fits, and at the rooms of meetings that wait for a bot. */
  async #round(): Promise<void> {
    const { book, census, store, everyMs = EVERY_MS } = this.#parts
    if (!(await book.takeRound(Math.max(0, everyMs - SLACK_MS)))) return
    const places = (await census.rooms()).filter(({ name }) => this.#fits(name))
    for (const place of places) this.#enqueue(place.name, 'listing', place)
    const there = new Set(places.map(({ name }) => name))
    const queued = await store.meetings({ state: 'queued', limit: MAX_QUEUED })
    for (const { room, state } of queued) {
      if (!there.has(room) && !FINAL_STATES.includes(state) && this.#fits(room)) this.#enqueue(room, 'listing')
    }
    await book.prune()
    if (places.length === 0 && queued.length === 0) this.#fault.worked()
  }

  #request(room: string): MeetingRequest {
    const { language } = this.#parts
    return { room, title: null, language, vocabulary: [], slackChannel: null, startAt: null, endAt: null, botName: null }
  }
}
