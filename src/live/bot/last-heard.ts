import type { Identity } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'
import { meetingMsOf } from '../transcript/span-index.js'
import { Inheritance, type Left } from './inheritance.js'

/** Somebody's last words that a bot heard, from when and until when, meeting ms: they have no text when that bot is dead. */
export interface LastHeard {
  readonly identity: Identity
  readonly fromMs: number
  readonly untilMs: number
}

/** The last of everybody whom a bot heard that gave the meeting away. @param untilMs until when it heard, meeting ms */
export function lastHeard(inheritance: Inheritance, untilMs: number): LastHeard[] {
  const { people, present, knownMs } = inheritance
  const heard = new Map([...present].map((identity) => [identity, untilMs]))
  for (const { identity, leftMs } of people) {
    if (leftMs !== null && !present.has(identity) && !inheritance.isKnownSilent(identity, leftMs, knownMs)) heard.set(identity, leftMs)
  }
  // signs of life are no help: the store may have stood still, and have them all when that bot was dead
  return [...heard].map(([identity, toMs]) => ({ identity, fromMs: inheritance.untextedFrom(identity, knownMs), untilMs: toMs }))
}

/**
 * The same of a bot that gave the meeting away to one that has died since, which knew until when that one had heard. What is left of that:
 * it wrote down what nobody heard until it was in the room itself.
 * @param epoch of the claim of the bot @param gaps of the whole meeting
 */
export function lastHeardUnder(epoch: number, left: Left, gaps: readonly Gap[]): LastHeard[] {
  const own = new Set(left.sessions.filter((session) => session.epoch === epoch).map(({ sessionId }) => sessionId))
  const spans = left.spans.filter(({ sessionId }) => own.has(sessionId))
  const knownMs = spans.reduce((latest, span) => Math.max(latest, meetingMsOf(span, span.toFrame)), 0)
  const nextMs = gaps.filter(({ reason, fromMs }) => reason === 'taken_over' && fromMs >= Math.floor(knownMs)).map(({ fromMs }) => fromMs)
  if (nextMs.length === 0) return []
  const untilMs = Math.min(...nextMs)
  const wasThere = left.people.filter(({ joinedMs }) => joinedMs < untilMs)
  const people = wasThere.map((one) => ({ ...one, leftMs: one.leftMs !== null && one.leftMs < untilMs ? one.leftMs : null }))
  const sessions = left.sessions.filter(({ sessionId }) => own.has(sessionId))
  const segments = left.segments.filter(({ sessionId }) => own.has(sessionId))
  return lastHeard(new Inheritance({ people, sessions, segments, spans }, { silentMs: null, isReleased: true }, untilMs), untilMs)
}
