/** Whether people have been told that the service is out of reach: once for all sessions of it, until one of them gets through. */
export class Alarm {
  #isRaised = false

  /** @returns whether it was not raised yet */
  raise(): boolean {
    const isNew = !this.#isRaised
    this.#isRaised = true
    return isNew
  }

  /** @returns whether it was raised */
  clear(): boolean {
    const wasRaised = this.#isRaised
    this.#isRaised = false
    return wasRaised
  }
}
