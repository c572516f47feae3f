/** Somebody who keeps audio on the disk. */
export interface DiskUser {
  /** number of its oldest file (`DiskBudget.number`), or null when it has none */
  readonly oldest: number | null
  /** Lets its oldest file go, and gives its bytes back. */
  shed(): void
}

/** The bytes on disk of all sessions of the process. When they are used up the oldest audio goes, whosever it is. */
export class DiskBudget {
  readonly #maxBytes: number
  readonly #users = new Set<DiskUser>()
  #usedBytes = 0
  #files = 0
  #earlier = Number.MIN_SAFE_INTEGER

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  join(user: DiskUser): void {
    this.#users.add(user)
  }
  leave(user: DiskUser): void {
    this.#users.delete(user)
  }

  /** A number for a new file, larger than all before. */
  number(): number {
    return ++this.#files
  }

  /** All numbers that are given from now on are larger than this. */
  pass(number: number): void {
    this.#files = Math.max(this.#files, number)
  }

  /** The first of so many numbers for files that were there before this process: smaller than those of all that it writes. */
  numbersBefore(count: number): number {
    const first = this.#earlier
    this.#earlier += count
    return first
  }

  /** Makes room. @returns whether there is any; false: not even without everything else */
  reserve(bytes: number): boolean {
    while (this.#usedBytes + bytes > this.#maxBytes) {
      let eldest: DiskUser | null = null
      for (const user of this.#users) if (user.oldest !== null && user.oldest < (eldest?.oldest ?? Infinity)) eldest = user
      if (!eldest) return false
      eldest.shed()
    }
    this.#usedBytes += bytes
    return true
  }

  /** Counts bytes that are there already. */
  adopt(bytes: number): void {
    this.#usedBytes += bytes
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
  }
}
