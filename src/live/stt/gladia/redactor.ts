import { redactText } from '../../../observe/logger.js'

/** Removes this session's secrets from free text: the key, the socket's URL and its token, wherever they turn up. */
export class Redactor {
  readonly #secrets = new Set<string>()

  constructor(...secrets: readonly string[]) {
    for (const secret of secrets) this.add(secret)
  }

  /** Short strings are left alone: they would blank out ordinary text. */
  add(secret: string): void {
    if (secret.length >= 6) this.#secrets.add(secret)
  }

  /** @param url as a whole and in each value of its query */
  addUrl(url: string): void {
    this.add(url)
    if (!URL.canParse(url)) return
    for (const value of new URL(url).searchParams.values()) this.add(value)
  }

  redact(text: string): string {
    let clean = text
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '[redacted]')
    return redactText(clean)
  }
}
