/** How many colours there are for people (`style/people.css`). The name always stands beside: colour alone says nothing. */
const COLOURS = 8

/** Gives each person a colour, in the order in which they are first asked for. */
export class People {
  readonly #numbers = new Map<string, number>()

  /** Gives colours in the order of a list, so that every page of a meeting has the same ones. */
  know(people: readonly { readonly identity: string }[]): void {
    for (const { identity } of people) this.colour(identity)
  }

  /** @returns the CSS class of their colour */
  colour(identity: string | null): string {
    if (identity === null) return 'who-none'
    const known = this.#numbers.get(identity)
    const number = known ?? this.#numbers.size % COLOURS
    if (known === undefined) this.#numbers.set(identity, number)
    return `who-${number}`
  }
}
