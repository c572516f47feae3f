/** How many colours there are for people (`style/people.css`). The name always stands beside: colour alone says nothing. */
const COLOURS = 8

/**
 * Gives each person of a meeting a colour: by their place in its list of people, which grows at its end only, so that every page of the
 * meeting, at any time of it, shows the same one, and the first eight differ. Whoever is not in the list (yet) has one by their identity.
 */
export class People {
  #list: readonly { readonly identity: string }[] = []
  #places: ReadonlyMap<string, number> = new Map()

  /** @param list the meeting's people, in its own order; in place of what was known */
  know(list: readonly { readonly identity: string }[]): void {
    if (list === this.#list) return
    this.#list = list
    this.#places = new Map(list.map(({ identity }, place) => [identity, place]))
  }

  /** @returns the CSS class of their colour */
  colour(identity: string | null): string {
    if (identity === null) return 'who-none'
    return `who-${(this.#places.get(identity) ?? hash(identity)) % COLOURS}`
  }
}

/** A number of a text, the same everywhere: FNV-1a. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01_00_01_93)
  return value >>> 0
}
