import type { Script, Step } from '../../src/standins/actors/script.js'
import { identityOf } from './eight-people.js'
import { seeded } from './marks-audio.js'
import { excerpt, loadMeetings, meetingOf, synthetic, type Meeting } from './turns.js'

const SLOT_MS = 200
/** who has just come, unmuted or changed the microphone says nothing for this long: it has to be subscribed to first */
const SETTLE_MS = 2_500
const BEGIN_MS = 1_000
/** from the last turn to the end: what waits for a channel is sent meanwhile */
const TAIL_MS = 3_000
/** those who are there at the start; the others come one by one, so that the session has to grow */
const OPENING = 2
const ARRIVALS_FROM_MS = 4_000
/** share of the length; each arrival is work for everybody else's process too */
const ARRIVALS_UNTIL = 0.6
const SHORTEST_MS = 400
/** turns of made-up talk are handed on after this, so that everybody has one in 90 s */
const LONGEST_MS = 2_400

/**
 * Two conversations laid over each other, real ones where they are on this machine (two to four speak at once), else of the seed.
 * The real ones are taken from their sixth minute on, when the talk is under way.
 */
export function conversation(seconds: number, seed: number): Meeting {
  const meetings = loadMeetings()
  const parts = ['R8004_M8006_MS805', 'IS1003a'].map((id, at) => {
    const real = meetings.find((meeting) => meeting.id === id)
    return real ? excerpt(real, 300_000, 300_000 + seconds * 1000) : handedOn(synthetic(4, seed + at, seconds * 1000))
  })
  const turns = parts.flatMap((part, at) => part.turns.map((turn) => ({ ...turn, speaker: `${at}.${turn.speaker}` })))
  return meetingOf('crowd', parts.map(({ id }) => id).join('+'), turns, [], seconds * 1000)
}

function handedOn(meeting: Meeting): Meeting {
  const turns = meeting.turns.flatMap(({ speaker, fromMs, toMs }) =>
    Array.from({ length: Math.ceil((toMs - fromMs) / LONGEST_MS) }, (_, part) => {
      const beginsMs = fromMs + part * LONGEST_MS
      return { speaker: `${speaker}.${part}`, fromMs: beginsMs, toMs: Math.min(toMs, beginsMs + LONGEST_MS - SLOT_MS) }
    }).filter((turn) => turn.toMs > turn.fromMs),
  )
  return meetingOf(meeting.corpus, meeting.id, turns, [], meeting.endMs)
}

interface Actor {
  readonly who: number
  /** from here on a turn may begin; infinity when gone for good */
  freeMs: number
  turns: number
}

/** What somebody is to do in the middle of a turn of that length; takes effect on the first turn that allows it. */
interface Incident {
  readonly fromMs: number
  readonly leastMs: number
  /** @returns when the person may speak again */
  readonly happen: (who: number, fromMs: number, toMs: number) => number
}

/**
 * A meeting of marks: the turns of a conversation, each given to whoever of those present has had fewest, while people come, leave in
 * mid-turn, come back, mute in mid-mark, talk into the closed microphone, change the microphone and the name; two have the same name.
 * @param options.people 4 to 64
 * @param options.seconds all but the last 3 are talk
 */
export function crowdScript(options: {
  readonly people: number
  readonly seconds: number
  readonly talk: Meeting
  readonly seed: number
}): Script {
  const { people, seconds, talk, seed } = options
  const lengthMs = seconds * 1000
  const random = seeded(seed)
  const steps: Step[] = []
  const act = (who: number, atMs: number, verb: 'join' | 'leave' | 'rejoin' | 'unmute' | 'republish') =>
    steps.push({ atMs: aligned(atMs), actor: identityOf(who), do: verb })
  const arrivalMs = (ARRIVALS_UNTIL * lengthMs - ARRIVALS_FROM_MS) / Math.max(1, people - OPENING)
  const actors = Array.from({ length: people }, (_, who): Actor => {
    const isLate = who >= OPENING
    const comesMs = aligned(ARRIVALS_FROM_MS + (who - OPENING) * arrivalMs)
    if (isLate) act(who, comesMs, 'join')
    return { who, freeMs: isLate ? comesMs + SETTLE_MS : BEGIN_MS, turns: 0 }
  })
  const incidents = incidentsOf(lengthMs, act, steps, random)
  const say = (actor: Actor, fromMs: number, toMs: number) => {
    steps.push({ atMs: fromMs, actor: identityOf(actor.who), do: 'marks', slots: (toMs - fromMs) / SLOT_MS })
    actor.turns++
    const due = incidents.findIndex((incident) => fromMs >= incident.fromMs && toMs - fromMs >= incident.leastMs)
    const [incident] = due === -1 ? [] : incidents.splice(due, 1)
    actor.freeMs = Math.max(toMs + SLOT_MS, incident?.happen(actor.who, fromMs, toMs) ?? 0)
  }
  const lastMs = lengthMs - TAIL_MS
  for (const turn of talk.turns) {
    const fromMs = aligned(turn.fromMs)
    const toMs = Math.min(aligned(Math.max(turn.toMs, fromMs + SHORTEST_MS)), lastMs)
    if (fromMs < BEGIN_MS || toMs - fromMs < SHORTEST_MS) continue
    const [next] = actors.filter(({ freeMs }) => freeMs <= fromMs).toSorted((a, b) => a.turns - b.turns || a.freeMs - b.freeMs)
    if (next) say(next, fromMs, toMs)
  }
  const cast = actors.map(({ who }) => ({ identity: identityOf(who), name: nameOf(who), who, voice: 'rms' as const }))
  return { cast, steps, lengthMs }
}

/** In the order in which they come due. Those with a long turn wait until there is one. */
function incidentsOf(
  lengthMs: number,
  act: (who: number, atMs: number, verb: 'leave' | 'rejoin' | 'unmute' | 'republish') => void,
  steps: Step[],
  random: () => number,
): Incident[] {
  const middle = (fromMs: number, toMs: number) => aligned(fromMs + (toMs - fromMs) * (0.3 + 0.4 * random()))
  const mute: Incident['happen'] = (who, fromMs, toMs) => {
    const atMs = middle(fromMs, toMs)
    steps.push({ atMs, actor: identityOf(who), do: 'mute', inSlotMs: 30 + Math.floor(random() * 130) })
    // half of them within the turn: talk into the closed microphone, and on with it when it opens
    const openMs = aligned(atMs + 400 + random() * 2_000)
    act(who, openMs, 'unmute')
    return openMs + SLOT_MS
  }
  const leave =
    (awayMs: number): Incident['happen'] =>
    (who, fromMs, toMs) => {
      const atMs = middle(fromMs, toMs)
      act(who, atMs, 'leave')
      if (awayMs === Number.POSITIVE_INFINITY) return awayMs
      act(who, atMs + awayMs, 'rejoin')
      return aligned(atMs + awayMs) + SETTLE_MS
    }
  const republish: Incident['happen'] = (who, _, toMs) => {
    act(who, toMs + 1_000, 'republish')
    return aligned(toMs + 1_000) + SETTLE_MS
  }
  const rename: Incident['happen'] = (who, fromMs) => {
    steps.push({ atMs: fromMs, actor: identityOf(who), do: 'rename', name: `${nameOf(who)} the Second` })
    return 0
  }
  const at = (share: number, leastMs: number, happen: Incident['happen']): Incident => ({ fromMs: share * lengthMs, leastMs, happen })
  return [
    at(0.1, 1_600, mute),
    at(0.25, 1_600, leave(5_000)),
    at(0.3, 1_600, mute),
    at(0.35, 400, republish),
    at(0.4, 2_000, mute),
    at(0.45, 1_200, leave(3_000)),
    at(0.5, 1_000, rename),
    at(0.5, 1_600, mute),
    at(0.6, 1_200, leave(Number.POSITIVE_INFINITY)),
    at(0.65, 1_600, mute),
    at(0.7, 1_600, mute),
  ]
}

/**
 * Onsets and nothing else: everybody there from the start, and silent at first; turns of 3 marks, each person silent for at least 3 s before each.
 * @param options.perSecond turns that begin in a second, of all people together
 */
export function onsetScript(options: {
  readonly people: number
  readonly onsets: number
  readonly perSecond: number
  readonly seed: number
}): Script {
  const { people, onsets, perSecond, seed } = options
  const random = seeded(seed)
  const turnMs = 3 * SLOT_MS
  const freeMs = Array.from({ length: people }, () => 0)
  const steps: Step[] = []
  for (let turn = 0; turn < onsets; turn++) {
    const atMs = aligned(SETTLE_MS + ((turn + random()) * 1000) / perSecond)
    const able = freeMs.flatMap((free, who) => (free <= atMs ? [who] : []))
    const who = able[Math.floor(random() * able.length)]
    if (who === undefined) continue
    freeMs[who] = atMs + turnMs + 3_000
    steps.push({ atMs, actor: identityOf(who), do: 'marks', slots: 3 })
  }
  const cast = freeMs.map((_, who) => ({ identity: identityOf(who), name: nameOf(who), who, voice: 'rms' as const }))
  return { cast, steps, lengthMs: Math.max(...steps.map(({ atMs }) => atMs)) + turnMs + TAIL_MS }
}

/** To the next slot of the script. */
const aligned = (ms: number): number => Math.ceil(ms / SLOT_MS) * SLOT_MS

/** Two people have the same name: identities tell them apart. */
const nameOf = (who: number): string => (who === 3 || who === 5 ? 'Kim' : `Person ${who}`)
