import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../api/client.js'
import { ask } from '../api/client.js'
import { isAway, noted } from './session.js'
import { clock } from './time.js'

/** What was asked of the server. With a value and an error at once, the value is the last one that came. */
export interface Loaded<T> {
  readonly value: T | null
  readonly error: ApiError | null
  /** asks again now */
  readonly reload: () => void
}

const RETRY_MS = 3_000

/**
 * Asks the server for a path, and again when it does not answer.
 * @param path null: nothing
 * @param everyMs asks again after so long, while the page can be seen
 */
export function useLoaded<T>(path: string | null, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ readonly of: string | null; readonly value: T | null; readonly error: ApiError | null }>({
    of: path,
    value: null,
    error: null,
  })
  const again = useRef(() => undefined as void)
  useEffect(() => {
    if (path === null) return undefined
    const closed = new AbortController()
    let cancel = () => undefined as void
    const load = async () => {
      cancel()
      let waitMs = everyMs
      try {
        const value = await ask<T>(path, { signal: closed.signal })
        isAway.value = false
        setState({ of: path, value, error: null })
      } catch (thrown) {
        if (closed.signal.aborted) return
        const error = noted(thrown)
        setState((before) => ({ of: path, value: before.of === path ? before.value : null, error }))
        waitMs = error.isPassing ? Math.max(RETRY_MS, (error.retryAfterSec ?? 0) * 1000) : undefined
      }
      if (waitMs !== undefined && !closed.signal.aborted) cancel = clock.after(waitMs, () => (document.hidden ? wait(waitMs) : void load()))
    }
    const wait = (ms: number | undefined) => {
      if (ms !== undefined) cancel = clock.after(ms, () => (document.hidden ? wait(ms) : void load()))
    }
    again.current = () => void load()
    void load()
    return () => {
      cancel()
      closed.abort()
    }
  }, [path, everyMs])
  const isOther = state.of !== path
  return { value: isOther ? null : state.value, error: isOther ? null : state.error, reload: () => again.current() }
}

/** Something that a press of a button does. */
export interface Action {
  readonly isBusy: boolean
  readonly error: ApiError | null
  run(work: () => Promise<unknown>): Promise<void>
  clear(): void
}

/** One thing at a time, whose failure is shown beside its button. */
export function useAction(): Action {
  const [state, setState] = useState<{ readonly isBusy: boolean; readonly error: ApiError | null }>({ isBusy: false, error: null })
  return {
    ...state,
    clear: () => setState({ isBusy: false, error: null }),
    run: async (work) => {
      setState({ isBusy: true, error: null })
      try {
        await work()
        isAway.value = false
        setState({ isBusy: false, error: null })
      } catch (thrown) {
        setState({ isBusy: false, error: noted(thrown) })
      }
    },
  }
}
