/** What the stand-in does instead of answering well. */
export type SlackBehaviour =
  /** 429 with `Retry-After`; nothing is done */
  | { readonly kind: 'rate_limit'; readonly retryAfterSec: number }
  /** the connection is cut before anything is done */
  | { readonly kind: 'drop_before' }
  /** the request is done, then the connection is cut: the client cannot know */
  | { readonly kind: 'drop_after' }
  /** HTTP 200 with `ok: false` and this error, such as `channel_not_found` or `invalid_auth` */
  | { readonly kind: 'error'; readonly error: string }
  /** an HTTP status with a text that is not JSON */
  | { readonly kind: 'http'; readonly status: number }

/** A behaviour for the next calls of a method (`chat.postMessage`, `upload`, or `*` for all). */
export interface SlackRule {
  readonly method: string
  readonly behaviour: SlackBehaviour
  /** for how many calls; default 1 */
  readonly times?: number
}

/** Rules that wait for their calls, in order; each is used up. */
export class BehaviourPlan {
  readonly #rules: { method: string; behaviour: SlackBehaviour; left: number }[] = []

  constructor(rules: readonly SlackRule[] = []) {
    for (const rule of rules) this.add(rule)
  }

  add(rule: SlackRule): void {
    this.#rules.push({ method: rule.method, behaviour: rule.behaviour, left: rule.times ?? 1 })
  }

  /** What to do with this call; null is to answer well. */
  take(method: string): SlackBehaviour | null {
    const rule = this.#rules.find(({ method: wanted, left }) => left > 0 && (wanted === '*' || wanted === method))
    if (!rule) return null
    rule.left -= 1
    return rule.behaviour
  }
}
