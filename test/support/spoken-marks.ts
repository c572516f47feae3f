import type { PlayEvent } from '../../src/standins/actors/play-event.js'
import type { CastMember } from '../../src/standins/actors/script.js'
import { LATE_START_MS } from '../../src/live/room/port.js'
import type { SpokenMark } from './marks-verdict.js'

const SLOT_MS = 200
const CHORD_MS = 160

/**
 * Around these steps marks may be cut or lost, ms before the step begins and after it is done. What is on its way when a microphone
 * closes goes with it; a microphone that opens has to be subscribed to first (0.2 to 0.4 s). What lacks for longer than the product allows without
 * a gap is excused by nothing.
 */
const STATED_MS: Readonly<Record<string, { readonly beforeMs: number; readonly afterMs: number }>> = {
  mute: { beforeMs: 300, afterMs: 100 },
  unmute: { beforeMs: 100, afterMs: 300 },
  leave: { beforeMs: 400, afterMs: 0 },
  join: { beforeMs: 0, afterMs: LATE_START_MS },
  rejoin: { beforeMs: 0, afterMs: LATE_START_MS },
  republish: { beforeMs: 400, afterMs: LATE_START_MS },
}

/**
 * What a play's speakers log says: marks that must come back, and marks that may (the stated moments). Each with the time at which its
 * sound began: marks are handed over ahead of time, one after the other, so one that was late itself moves those right behind it.
 */
export function spokenMarks(
  events: readonly PlayEvent[],
  cast: readonly CastMember[],
): { readonly spoken: readonly SpokenMark[]; readonly stated: readonly SpokenMark[] } {
  const whoOf = new Map(cast.map(({ identity, who }) => [identity, who]))
  const moments = events.flatMap((event) => {
    const margin = event.kind === 'step' ? STATED_MS[event.do] : undefined
    if (event.kind !== 'step' || margin === undefined) return []
    return [
      { who: whoOf.get(event.identity), do: event.do, fromMs: event.startedMs - margin.beforeMs, toMs: event.endedMs + margin.afterMs },
    ]
  })
  const playedUntilMs = new Map<number, number>()
  const closed = closedMicrophones(events, whoOf)
  const spoken: SpokenMark[] = []
  const stated: SpokenMark[] = []
  for (const event of events) {
    if (event.kind === 'step') {
      const who = whoOf.get(event.identity)
      // what waited in the microphone is thrown away
      if (who !== undefined && STATED_MS[event.do] !== undefined && event.do !== 'mute') playedUntilMs.delete(who)
    }
    if (event.kind !== 'mark') continue
    const { who, n } = event
    const playMs = Math.max(event.monotonicMs, playedUntilMs.get(who) ?? 0)
    playedUntilMs.set(who, playMs + SLOT_MS)
    const mark = { who, n, playMs }
    const isStated = moments.some((moment) => moment.who === who && playMs + CHORD_MS > moment.fromMs && playMs < moment.toMs)
    if (isStated) stated.push(mark)
    else if (!closed.some((one) => one.who === who && playMs >= one.fromMs && playMs < one.toMs)) spoken.push(mark)
  }
  return { spoken, stated }
}

/** When each microphone really was closed: a sender under load closes it later than the script says. */
function closedMicrophones(events: readonly PlayEvent[], whoOf: ReadonlyMap<string, number>) {
  const closed: { readonly who: number; readonly fromMs: number; toMs: number }[] = []
  for (const event of events) {
    if (event.kind !== 'step') continue
    const who = whoOf.get(event.identity) ?? -1
    if (event.do === 'mute') closed.push({ who, fromMs: event.startedMs, toMs: Number.POSITIVE_INFINITY })
    // an open microphone again, or a new one
    const last = ['unmute', 'leave', 'republish'].includes(event.do) ? closed.findLast((one) => one.who === who) : undefined
    if (last) last.toMs = Math.min(last.toMs, event.endedMs)
  }
  return closed
}
