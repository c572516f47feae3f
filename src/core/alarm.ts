/** Whether people have been told of something: once for all whom it concerns, until it is over. */
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
