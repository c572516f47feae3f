import { InputError } from '../../core/errors.js'
import type { CastMember, Script, Step } from './script.js'
import type { Voice } from './voices.js'

/** Everybody who may take part. Four is the least: each of the first four has something to do that the demo shows. */
const PEOPLE: readonly CastMember[] = [
  { identity: 'anna', name: 'Anna', who: 0, voice: 'rms' },
  { identity: 'ben', name: 'Ben', who: 1, voice: 'awb' },
  { identity: 'carla', name: 'Carla', who: 2, voice: 'slt' },
  { identity: 'david', name: 'David', who: 3, voice: 'kal16' },
  { identity: 'emma', name: 'Emma', who: 4, voice: 'rms' },
  { identity: 'felix', name: 'Felix', who: 5, voice: 'awb' },
  { identity: 'grace', name: 'Grace', who: 6, voice: 'rms' },
  { identity: 'henry', name: 'Henry', who: 7, voice: 'awb' },
]
const MIN_PEOPLE = 4
const MIN_SEC = 60
const MAX_SEC = 900

/** Measured on the sentences below, the slower of them. */
const MS_PER_LETTER: Readonly<Record<Voice, number>> = { rms: 69, awb: 62, kal16: 62, slt: 62 }
const TURN_PAUSE_MS = 600
/** From the end of somebody's speech to leaving or muting, so that nothing of it is on its way then. */
const CLEAR_MS = 1_500
/** From joining or unmuting to speaking: the track has to be published, subscribed and given a channel. */
const SETTLE_MS = 2_500

/** One turn of the conversation, after the last one unless it says otherwise. */
type Turn =
  | { readonly say: string; readonly by: string; readonly overlapMs?: number }
  | { readonly together: readonly (readonly [by: string, say: string])[] }
  | { readonly do: 'join' | 'leave' | 'rejoin' | 'mute' | 'unmute'; readonly by: string; readonly afterMs?: number }
  | { readonly rename: string; readonly by: string }
  | { readonly pauseMs: number }

/** Sentences are chosen by measurement: Moonshine tiny reads each in its voice without an error. */
const OPENING: readonly Turn[] = [
  { by: 'anna', say: 'good morning everyone thank you for joining' },
  { by: 'anna', say: 'let us start with the project status' },
  { by: 'ben', say: 'the new server is running since last week' },
  { by: 'david', do: 'join' },
  { by: 'ben', say: 'the first release was faster than we expected' },
  { by: 'carla', say: 'the first customers are very happy with it' },
  { by: 'anna', say: 'how many people use the new version' },
  { by: 'carla', say: 'about ninety people use it every day' },
  { by: 'david', say: 'i have a question about the old service' },
  { by: 'david', do: 'mute', afterMs: CLEAR_MS },
  // a decision, and an interruption before it is finished
  { by: 'anna', say: 'we decided to stop the old service in june' },
  { by: 'carla', say: 'wait what happens to the old data', overlapMs: 900 },
  { by: 'ben', say: 'we keep the old data for another year' },
  // into a muted microphone: this must not turn up anywhere
  { by: 'david', say: 'how many people use the new version' },
  { by: 'carla', do: 'leave', afterMs: CLEAR_MS },
  { by: 'david', do: 'unmute' },
]

/** What the others have to say; each is there only when its speaker is. */
const OTHERS: readonly Turn[] = [
  { by: 'emma', say: 'the budget for this year is almost gone' },
  { by: 'felix', say: 'we need more money for the second release' },
  { by: 'grace', say: 'the team in london needs more time' },
  { by: 'henry', say: 'there are three people on vacation next week' },
]

/** Talk that fills the time that is asked for, over and over when it has to. */
const FILLING: readonly Turn[] = [
  { by: 'anna', say: 'does anybody have a question' },
  { by: 'ben', say: 'let us talk about the budget' },
  { by: 'anna', say: 'we need more money for the second release' },
  { by: 'emma', say: 'that is a very good result' },
  { by: 'ben', say: 'the team in london needs more time' },
  { by: 'felix', say: 'that sounds good to me' },
  { by: 'anna', say: 'now everybody knows the plan' },
  { by: 'grace', say: 'we should move the meeting to monday afternoon' },
  { by: 'ben', say: 'we should move the meeting to monday afternoon' },
  { by: 'henry', say: 'how many people use the new version' },
  { by: 'anna', say: 'monday afternoon is fine for me' },
]

const CLOSING: readonly Turn[] = [
  { by: 'anna', say: 'i think we need another engineer for this work' },
  { by: 'carla', do: 'rejoin' },
  { by: 'ben', say: 'we agreed to hire another engineer in june' },
  { by: 'ben', rename: 'Ben Moore' },
  { by: 'carla', say: 'my connection was lost but i am here again' },
  {
    together: [
      ['carla', 'that sounds good to me'],
      ['david', 'does anybody have a question'],
    ],
  },
  { by: 'ben', say: 'i will send the report before friday' },
  { by: 'carla', say: 'i will write the plan and share it with the team' },
  { by: 'david', say: 'i will ask for more money on monday' },
  { by: 'anna', say: 'please remember to update the calendar' },
  { by: 'ben', say: 'our next step is to call the customer' },
  { by: 'anna', say: 'thank you everyone see you next week' },
  { pauseMs: 1_000 },
]

/** Roughly how long a voice takes for a text, from above. */
export function estimateSpeechMs(text: string, voice: Voice): number {
  return 250 + text.length * MS_PER_LETTER[voice]
}

/**
 * A meeting with a status, a decision, action items, an interruption, two people at once, a mute, a late join, a leave and
 * rejoin, and a rename; everybody speaks. It lasts about `seconds`, or as long as all that needs.
 * @param options.people 4 to 8; default 4
 * @param options.seconds 60 to 900; default 75
 * @throws InputError out of these ranges
 */
export function demoMeeting(options: { readonly people?: number; readonly seconds?: number } = {}): Script {
  const { people = MIN_PEOPLE, seconds = 75 } = options
  if (!Number.isInteger(people) || people < MIN_PEOPLE || people > PEOPLE.length)
    throw new InputError(`the demo has ${MIN_PEOPLE} to ${PEOPLE.length} people, not ${people}`)
  if (!(seconds >= MIN_SEC && seconds <= MAX_SEC)) throw new InputError(`the demo lasts ${MIN_SEC} to ${MAX_SEC} seconds, not ${seconds}`)
  const cast = PEOPLE.slice(0, people)
  const filling: Turn[] = []
  let script = timed(cast, [...OPENING, ...OTHERS, ...CLOSING])
  for (let turn = 0; script.lengthMs < seconds * 1_000; turn++) {
    filling.push(FILLING[turn % FILLING.length] ?? { pauseMs: 1_000 })
    const longer = timed(cast, [...OPENING, ...OTHERS, ...filling, ...CLOSING])
    if (longer.lengthMs > seconds * 1_000) break
    script = longer
  }
  return { cast: [...cast], steps: [...script.steps] }
}

/** Puts turns on the clock: one after the other, with time to settle where the room needs it. */
function timed(cast: readonly CastMember[], turns: readonly Turn[]): { readonly steps: readonly Step[]; readonly lengthMs: number } {
  const voices = new Map(cast.map(({ identity, voice }) => [identity, voice]))
  const steps: Step[] = []
  /** when the last one has finished, and from when on a person may speak */
  let endMs = 400
  const mayFrom = new Map<string, number>()

  const say = (by: string, text: string, fromMs: number): number => {
    const voice = voices.get(by)
    if (voice === undefined) return fromMs
    const atMs = Math.max(fromMs, mayFrom.get(by) ?? 0)
    steps.push({ atMs, actor: by, do: 'say', text })
    const doneMs = atMs + estimateSpeechMs(text, voice)
    mayFrom.set(by, doneMs)
    return doneMs
  }

  for (const turn of turns) {
    if ('pauseMs' in turn) {
      endMs += turn.pauseMs
    } else if ('together' in turn) {
      const fromMs = Math.max(endMs + TURN_PAUSE_MS, ...turn.together.map(([by]) => mayFrom.get(by) ?? 0))
      endMs = Math.max(...turn.together.map(([by, text]) => say(by, text, fromMs)))
    } else if ('say' in turn) {
      if (!voices.has(turn.by)) continue
      endMs = Math.max(endMs, say(turn.by, turn.say, endMs + (turn.overlapMs === undefined ? TURN_PAUSE_MS : -turn.overlapMs)))
    } else if ('rename' in turn) {
      steps.push({ atMs: endMs + TURN_PAUSE_MS / 2, actor: turn.by, do: 'rename', name: turn.rename })
    } else {
      const atMs = turn.afterMs === undefined ? endMs : Math.max(endMs, mayFrom.get(turn.by) ?? 0) + turn.afterMs
      steps.push({ atMs, actor: turn.by, do: turn.do })
      // others may go on; the person itself has to wait
      mayFrom.set(turn.by, atMs + (turn.do === 'mute' ? 500 : SETTLE_MS))
    }
  }
  return { steps, lengthMs: endMs }
}
