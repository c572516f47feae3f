import type { Identity, MeetingId } from '../core/ids.js'
import type { Scope } from '../core/scope.js'
import { utteranceKey, type LivePartial, type PartialFeed } from '../records/partials.js'
import type { FeedEvent, MeetingStore, StoredSegment } from '../records/port.js'
import { UNKNOWN_SPEAKER, type MeetingWatcher } from './observe.js'

/**
 * Tells a watcher of a meeting that another process runs: what was said so far, then what is being said.
 * It may be stopped and started again: what was said meanwhile is not told.
 */
export class Follower {
  readonly #store: Pick<MeetingStore, 'meeting' | 'subscribe'>
  readonly #partials: Pick<PartialFeed, 'subscribe'>
  readonly #id: MeetingId
  readonly #watcher: MeetingWatcher
  readonly #scope: Scope
  readonly #names = new Map<Identity, string>()
  #toldState = ''
  #after: number | undefined = 0
  /** null: stopped */
  #unsubscribe: (() => void) | null = null

  /** @param scope runs what reads the store */
  constructor(
    records: { readonly store: Pick<MeetingStore, 'meeting' | 'subscribe'>; readonly partials: Pick<PartialFeed, 'subscribe'> },
    id: MeetingId,
    watcher: MeetingWatcher,
    scope: Scope,
  ) {
    this.#store = records.store
    this.#partials = records.partials
    this.#id = id
    this.#watcher = watcher
    this.#scope = scope
  }

  /** Twice is fine. */
  start(): void {
    if (this.#unsubscribe) return
    const stopped = new AbortController()
    this.#unsubscribe = () => stopped.abort()
    this.#scope.run('follow', async () => {
      try {
        await this.#look()
      } finally {
        if (!stopped.signal.aborted) this.#unsubscribe = this.#subscribe()
      }
    })
  }

  /** Twice is fine. */
  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }

  #subscribe(): () => void {
    const interim = (partials: readonly LivePartial[]) => {
      for (const partial of partials) this.#watcher.interim?.({ ...partial, key: partial.id, name: partial.name ?? UNKNOWN_SPEAKER })
    }
    const ends = [this.#store.subscribe(this.#id, (event) => this.#hear(event), this.#after), this.#partials.subscribe(this.#id, interim)]
    this.#after = undefined
    return () => {
      for (const end of ends) end()
    }
  }

  #hear(event: FeedEvent): void {
    if (event.kind === 'segment') this.#watcher.final?.(this.#line(event.segment))
    // it tells of people too
    else if (event.kind === 'state') this.#scope.run('follow', () => this.#look())
  }

  async #look(): Promise<void> {
    const { state, reason, participants } = await this.#store.meeting(this.#id)
    for (const { identity, name } of participants) this.#names.set(identity, name)
    const told = `${state} ${reason}`
    if (told === this.#toldState) return
    this.#toldState = told
    this.#watcher.state?.(state, reason)
  }

  #line(segment: StoredSegment): Parameters<NonNullable<MeetingWatcher['final']>>[0] {
    const { identity, startMs, endMs, text } = segment
    const name = identity === null ? UNKNOWN_SPEAKER : (this.#names.get(identity) ?? identity)
    // a partial is of a whole utterance
    return { key: utteranceKey(segment), identity, name, startMs, endMs, text }
  }
}
