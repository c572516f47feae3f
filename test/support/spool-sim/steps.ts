/** Somebody whose disk calls are run one by one. */
export interface Actor {
  isDead: boolean
  isStopped: boolean
}

interface Step {
  readonly actor: Actor
  readonly act: () => void
  readonly tear: () => void
}

/** Which of all disk calls that wait is done next: chance says. A dead actor's never end, a stopped one's wait. */
export class Steps {
  readonly #random: () => number
  #waiting: Step[] = []
  /** done so far */
  count = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /**
   * @param act done in one step; its error is the call's
   * @param tear what is done of it when the actor dies in the midst
   */
  wait<T>(actor: Actor, act: () => T, tear: () => void = () => undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (actor.isDead) return
      const whole = () => {
        try {
          resolve(act())
        } catch (thrown) {
          reject(thrown)
        }
      }
      this.#waiting.push({ actor, act: whole, tear })
    })
  }

  waitsFor(actor: Actor): boolean {
    return this.#waiting.some((step) => step.actor === actor)
  }

  /** @returns false when nobody waits who runs */
  async next(): Promise<boolean> {
    const ready = this.#waiting.filter(({ actor }) => !actor.isStopped)
    const step = ready[Math.floor(this.#random() * ready.length)]
    if (!step) return false
    this.#waiting.splice(this.#waiting.indexOf(step), 1)
    this.count++
    step.act()
    await this.settle()
    return true
  }

  /** Every promise that can go on does. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  kill(actor: Actor): void {
    actor.isDead = true
    const torn = this.#waiting.filter((step) => step.actor === actor)
    this.#waiting = this.#waiting.filter((step) => step.actor !== actor)
    for (const { tear } of torn) if (this.#random() < 0.8) tear()
  }
}
