import { estimateSpeechMs } from '../../src/standins/actors/demo-meeting.js'
import type { CastMember, Script, Step } from '../../src/standins/actors/script.js'
import { VOICES } from '../../src/standins/actors/voices.js'
import { identityOf } from './eight-people.js'
import { seeded } from './marks-audio.js'

/** Sentences that Moonshine tiny reads well in most voices, no two alike. */
const SENTENCES = [
  'good morning everyone thank you for joining',
  'let us start with the project status',
  'the new server is running since last week',
  'the first release was faster than we expected',
  'does anybody have a question',
  'our next step is to call the customer',
  'please remember to update the calendar',
  'there are three people on vacation next week',
  'i think we need another engineer for this work',
  'we should move the meeting to monday afternoon',
  'we decided to stop the old service in june',
  'i will send the report before friday',
  'can you please share the numbers with the team',
  'how many people use the new version',
  'about ninety people use it every day',
  'the budget for this year is almost gone',
  'we need more money for the second release',
  'the team in london needs more time',
  'my connection was lost but i am here again',
  'i will write the plan and share it with the team',
  'i will ask for more money on monday',
  'now everybody knows the plan',
  'that is a very good result',
  'thank you everyone see you next week',
] as const

const BEGIN_MS = 1_500
const TAIL_MS = 4_000

/**
 * People who speak one after the other, one in three before the last one has finished; as many rounds of everybody as asked for.
 * @param options.people at least 4
 */
export function speechScript(options: { readonly people: number; readonly rounds: number; readonly seed: number }): Script {
  const { people, rounds, seed } = options
  const random = seeded(seed)
  const cast = Array.from({ length: people }, (_, who): CastMember => ({
    identity: identityOf(who),
    name: `Person ${who}`,
    who,
    voice: VOICES[who % VOICES.length] ?? 'rms',
  }))
  const steps: Step[] = []
  let atMs = BEGIN_MS
  let endMs = BEGIN_MS
  for (let round = 0, line = 0; round < rounds; round++) {
    for (const [turn, member] of inOtherOrder(cast, steps.at(-1)?.actor, random).entries()) {
      const text = SENTENCES[line++ % SENTENCES.length] ?? SENTENCES[0]
      steps.push({ atMs: Math.round(atMs), actor: member.identity, do: 'say', text })
      const lengthMs = estimateSpeechMs(text, member.voice)
      endMs = Math.max(endMs, atMs + lengthMs)
      atMs = turn % 3 === 2 ? atMs + lengthMs * (0.4 + 0.3 * random()) : endMs + 200 + 500 * random()
    }
  }
  return { cast, steps, lengthMs: Math.ceil(endMs + TAIL_MS) }
}

/** Everybody once, nobody right after themselves. */
function inOtherOrder(cast: readonly CastMember[], last: string | undefined, random: () => number): CastMember[] {
  const order = cast.map((member) => ({ member, at: random() })).toSorted((a, b) => a.at - b.at)
  const members = order.map(({ member }) => member)
  return members[0]?.identity === last ? members.toReversed() : members
}

/** The part of some people in a script. */
export function partOf(script: Script, isIn: (who: number) => boolean): Script {
  const cast = script.cast.filter(({ who }) => isIn(who))
  const own = new Set(cast.map(({ identity }) => identity))
  return { ...script, cast, steps: script.steps.filter(({ actor }) => own.has(actor)) }
}
