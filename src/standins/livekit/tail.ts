/** The last part of a process's output, bounded in characters: the oldest goes first. */
export class OutputTail {
  readonly #limit: number
  #text = ''

  /** @param limitChars most characters kept */
  constructor(limitChars: number) {
    this.#limit = limitChars
  }

  push(chunk: string): void {
    this.#text = (this.#text + chunk).slice(-this.#limit)
  }

  /** the whole of what is kept */
  get text(): string {
    return this.#text
  }

  /** The last lines that are not empty. */
  lines(count: number): readonly string[] {
    return this.#text
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-count)
  }
}
