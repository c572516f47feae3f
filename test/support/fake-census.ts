import type { RoomCensus, RoomPlace } from '../../src/control/webhooks/livekit/auto-join.js'

interface Room {
  readonly place: RoomPlace
  readonly people: Set<string>
}

/** Rooms of a server and the people in them; a room begins with the first of them and ends when it is closed. */
export class FakeCensus implements RoomCensus {
  readonly #rooms = new Map<string, Room>()
  readonly #now: () => number
  refusal: Error | null = null
  /** calls to the server */
  calls = 0
  #sids = 0

  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  enter(name: string, person: string): void {
    const room = this.#rooms.get(name) ?? { place: { name, sid: `RM_${++this.#sids}`, createdMs: this.#now() }, people: new Set() }
    this.#rooms.set(name, room)
    room.people.add(person)
  }

  leave(name: string, person: string): void {
    this.#rooms.get(name)?.people.delete(person)
  }

  end(name: string): void {
    this.#rooms.delete(name)
  }

  count(name: string): number {
    return this.#rooms.get(name)?.people.size ?? 0
  }

  has(name: string): boolean {
    return this.#rooms.has(name)
  }

  rooms(): Promise<readonly RoomPlace[]> {
    return this.#do(() => [...this.#rooms.values()].map(({ place }) => place))
  }

  room(name: string): Promise<RoomPlace | null> {
    return this.#do(() => this.#rooms.get(name)?.place ?? null)
  }

  people(name: string): Promise<number> {
    return this.#do(() => this.count(name))
  }

  #do<T>(work: () => T): Promise<T> {
    this.calls++
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve(work())
  }
}
