import { RESULT_ID } from '../../core/ids.js'
import type { Segment } from './segment.js'

/** Starts of the same words lie this close, however much of the spans either side knew, ms. */
const NEAR_MS = 2_000
/** So many words in the same order are hardly said twice in one session. */
const TELLING_WORDS = 4

/**
 * Whether one covers most of the other's time, of one person on the same channel of one session. Of two people it says nothing: who had
 * waited for a channel comes after somebody on it whose words are of the same time.
 */
export function sharesMost(one: Segment, other: Segment): boolean {
  if (one.sessionId !== other.sessionId || one.channel !== other.channel || one.identity !== other.identity) return false
  const sharedMs = Math.min(one.endMs, other.endMs) - Math.max(one.startMs, other.startMs)
  return sharedMs * 2 > Math.min(one.endMs - one.startMs, other.endMs - other.startMs)
}

/** Whether a text is hardly said twice in one session. */
export function isTelling(text: string): boolean {
  return text.split(' ').length >= TELLING_WORDS
}

/**
 * Whether two segments tell the same words of one session: once as the socket told them, under the service's id, and once as a result told
 * them, without. A bot that lives may have the one while another that took its meeting over has asked for the other.
 */
export function isRetold(one: Segment, other: Segment): boolean {
  if (one.sessionId !== other.sessionId || one.channel !== other.channel) return false
  if (one.utteranceId.startsWith(RESULT_ID) === other.utteranceId.startsWith(RESULT_ID)) return false
  if (sharesMost(one, other)) return true
  // of two people, both known, they are not the same words
  if (one.identity !== other.identity && one.identity !== null && other.identity !== null) return false
  // where spans are missing, times are held to those that there are, however far these are: then the words tell
  const isNobodys = one.identity === null || other.identity === null
  if (isNobodys && one.text === other.text && isTelling(one.text)) return true
  const [short, long] = one.text.length < other.text.length ? [one, other] : [other, one]
  const isNear = short.startMs > long.startMs - NEAR_MS && short.startMs < long.endMs + NEAR_MS
  return isNear && ` ${long.text} `.includes(` ${short.text} `)
}

/** Those that are not told already by what is stored, under an id or without one. */
export function notRetold<S extends Segment>(segments: readonly S[], stored: readonly Segment[]): S[] {
  return segments.filter((segment) => !stored.some((other) => isRetold(segment, other)))
}
