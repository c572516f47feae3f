import { ConfigError, RoomscribeError, toError } from '../core/errors.js'
import { redactText } from '../observe/logger.js'

/** One line a problem on standard error; 2 for settings and usage, 1 for anything else. */
export function reportFailure(thrown: unknown): number {
  const parts = partsOf(thrown)
  if (parts.length > 0) return Math.max(...parts.map(reportFailure))
  if (thrown instanceof ConfigError) {
    for (const problem of thrown.problems) process.stderr.write(`roomscribe: ${problem}\n`)
    return 2
  }
  const error = toError(thrown)
  const text = error instanceof RoomscribeError ? error.message : `something went wrong: ${error.stack ?? error.message}`
  process.stderr.write(`roomscribe: ${redactText(text)}\n`)
  return 1
}

/** What failed, of several failures in one; what closing added to a failure comes after it. */
function partsOf(thrown: unknown): readonly unknown[] {
  if (thrown instanceof AggregateError) return thrown.errors
  // SuppressedError, which Node 20 does not have
  if (thrown instanceof Error && 'suppressed' in thrown && 'error' in thrown) return [thrown.suppressed, thrown.error]
  return []
}

/**
 * Resolves on the first SIGTERM or SIGINT; a second one of either aborts `hurry`.
 * @returns the wait and a function that removes the listeners
 */
export function waitForSignal(): { first: Promise<NodeJS.Signals>; hurry: AbortSignal; stop: () => void } {
  const hurry = new AbortController()
  let seen = 0
  let resolveFirst!: (signal: NodeJS.Signals) => void
  const first = new Promise<NodeJS.Signals>((resolve) => {
    resolveFirst = resolve
  })
  const onSignal = (signal: NodeJS.Signals) => {
    seen++
    if (seen === 1) resolveFirst(signal)
    else hurry.abort(new Error('asked twice'))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return {
    first,
    hurry: hurry.signal,
    stop: () => {
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
}
