import type { Identity } from '../../core/ids.js'
import type { ParticipantRecord } from '../../records/port.js'

interface Person {
  name: string
  readonly joinedMs: number
  leftMs: number | null
}

/** Who was in the meeting, from when to when, under which name. */
export class People {
  readonly #people = new Map<Identity, Person>()

  /** how many are in the room now */
  get present(): number {
    let count = 0
    for (const person of this.#people.values()) if (person.leftMs === null) count++
    return count
  }

  /** Takes over who was there; nobody is known to be there still until they are announced. @param atMs the last sign of them */
  inherit(records: readonly ParticipantRecord[], atMs: number): void {
    for (const { identity, name, joinedMs, leftMs } of records)
      this.#people.set(identity, { name, joinedMs, leftMs: leftMs ?? Math.max(joinedMs, Math.round(atMs)) })
  }

  /** A rejoin keeps the first `joinedMs` and clears `leftMs`. */
  joined(identity: Identity, name: string, atMs: number): void {
    const known = this.#people.get(identity)
    if (known) {
      known.name = name
      known.leftMs = null
    } else this.#people.set(identity, { name, joinedMs: Math.max(0, Math.round(atMs)), leftMs: null })
  }

  renamed(identity: Identity, name: string): void {
    const known = this.#people.get(identity)
    if (known) known.name = name
  }

  left(identity: Identity, atMs: number): void {
    const known = this.#people.get(identity)
    if (known) known.leftMs = Math.max(known.joinedMs, Math.round(atMs))
  }

  /** The connection is gone: nobody is known to be there until they are announced again. */
  allLeft(atMs: number): void {
    for (const [identity, person] of this.#people) if (person.leftMs === null) this.left(identity, atMs)
  }

  name(identity: Identity): string {
    return this.#people.get(identity)?.name ?? identity
  }

  names(): ReadonlyMap<Identity, string> {
    return new Map([...this.#people].map(([identity, person]) => [identity, person.name]))
  }

  records(): readonly ParticipantRecord[] {
    return [...this.#people].map(([identity, { name, joinedMs, leftMs }]) => ({ identity, name, joinedMs, leftMs }))
  }

  /** Everybody's names and other words, each once: what a recogniser should know. */
  words(more: readonly string[]): readonly string[] {
    return [...new Set([...this.names().values(), ...more])]
  }
}
