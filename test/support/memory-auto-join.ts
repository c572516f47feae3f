import type { MeetingId } from '../../src/core/ids.js'
import type { AutoJoinBook, RoomMemory } from '../../src/records/auto-join.js'

/** What auto-join keeps, in memory, by a clock of the test's; `refusal` makes every call fail. */
export class MemoryAutoJoin implements AutoJoinBook {
  readonly memories = new Map<string, RoomMemory>()
  readonly events = new Map<string, number>()
  readonly #now: () => number
  refusal: Error | null = null
  #dueMs = 0

  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  memory(room: string): Promise<RoomMemory | null> {
    return this.#do(() => this.memories.get(room) ?? null)
  }

  remember(room: string, memory: RoomMemory, seen?: MeetingId): Promise<void> {
    return this.#do(() => {
      const known = this.memories.get(room)
      if (!known || known.meetingId <= memory.meetingId || known.meetingId === seen) this.memories.set(room, memory)
    })
  }

  firstSeen(eventId: string): Promise<number | null> {
    return this.#do(() => {
      const atMs = this.events.get(eventId)
      if (atMs !== undefined) return this.#now() - atMs
      this.events.set(eventId, this.#now())
      return null
    })
  }

  hasSeen(eventId: string): Promise<boolean> {
    return this.#do(() => this.events.has(eventId))
  }

  takeRound(everyMs: number): Promise<boolean> {
    return this.#do(() => {
      if (this.#now() < this.#dueMs) return false
      this.#dueMs = this.#now() + everyMs
      return true
    })
  }

  prune(): Promise<void> {
    return this.#do(() => {
      for (const [id, atMs] of this.events) if (this.#now() - atMs > 3_600_000) this.events.delete(id)
    })
  }

  #do<T>(work: () => T): Promise<T> {
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve(work())
  }
}
