/** One message of an event stream (HTML standard, "Server-sent events"). */
export interface StreamMessage {
  readonly event: string
  readonly data: string
  /** the last id seen so far, '' before the first */
  readonly id: string
}

/** Longest line and message that are kept, characters: what is longer is no event of ours. */
const MAX_CHARS = 1_000_000

/**
 * Cuts an event stream into messages, whatever pieces it arrives in.
 * @throws Error a message is longer than any of ours
 */
export class StreamParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #size = 0
  #id: string

  /** @param lastId what the stream is resumed from */
  constructor(lastId = '') {
    this.#id = lastId
  }

  /** @returns the messages that end in this piece */
  push(piece: string): StreamMessage[] {
    const text = this.#rest + piece
    const messages: StreamMessage[] = []
    let from = 0
    for (;;) {
      const at = nextBreak(text, from)
      if (at === -1) break
      // a CR at the very end may be half of a CRLF: wait for what follows
      if (text[at] === '\r' && at + 1 === text.length) break
      this.#line(text.slice(from, at), messages)
      from = at + (text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1)
    }
    this.#rest = text.slice(from)
    if (this.#rest.length + this.#size > MAX_CHARS) throw new Error('the event stream sent a message that is too long')
    return messages
  }

  #line(line: string, messages: StreamMessage[]): void {
    if (line === '') {
      if (this.#data.length > 0) messages.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id })
      this.#event = ''
      this.#data = []
      this.#size = 0
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon === -1 ? line : line.slice(0, colon)
    const raw = colon === -1 ? '' : line.slice(colon + 1)
    const value = raw.startsWith(' ') ? raw.slice(1) : raw
    if (field === 'event') this.#event = value
    else if (field === 'data') {
      this.#data.push(value)
      this.#size += value.length
    } else if (field === 'id' && !value.includes('\0')) this.#id = value
  }
}

function nextBreak(text: string, from: number): number {
  const lf = text.indexOf('\n', from)
  const cr = text.indexOf('\r', from)
  if (lf === -1) return cr
  return cr === -1 ? lf : Math.min(lf, cr)
}
