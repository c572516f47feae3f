import { z } from 'zod'
import { assertNever } from '../../core/errors.js'
import { VOICES } from './voices.js'

/**
 * A meeting as data. Times are ms from T0 of the script's clock; its slots are 200 ms, and slot n begins at 200 n.
 * A step takes effect at the first slot that does not begin before it.
 */
export const SLOT_MS = 200

const cast = z.object({
  identity: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  /** number of the person in marks */
  who: z.int().min(0).max(63),
  voice: z.enum(VOICES),
})
const at = { atMs: z.number().min(0), actor: z.string() }
const bare = <Do extends string>(verb: Do) => z.object({ ...at, do: z.literal(verb) })
const step = z.discriminatedUnion('do', [
  z.object({ ...at, do: z.literal('say'), text: z.string().min(1).max(1_000) }),
  /** a turn of marks: that many slots, one after the other */
  z.object({ ...at, do: z.literal('marks'), slots: z.int().min(1).max(20_000) }),
  z.object({ ...at, do: z.literal('rename'), name: z.string().min(1).max(256) }),
  bare('join'),
  bare('leave'),
  bare('rejoin'),
  /** `inSlotMs`: so long after its slot began to be handed over, in mid-mark; without it between two marks */
  z.object({ ...at, do: z.literal('mute'), inSlotMs: z.int().min(0).max(SLOT_MS).optional() }),
  bare('unmute'),
  bare('unpublish'),
  bare('republish'),
])

/** Checks a script that came as JSON. Whoever has a `join` step comes late; everybody else is there at T0. */
export const scriptSchema = z.object({
  cast: z.array(cast).min(1).max(64),
  steps: z.array(step).max(10_000),
  /** nobody leaves before */
  lengthMs: z.number().min(0).optional(),
})

export type Script = z.infer<typeof scriptSchema>
export type CastMember = Script['cast'][number]
export type Step = Script['steps'][number]

/** One person as the script has it at a moment. */
export interface Part {
  readonly isPresent: boolean
  /** whether the microphone is in the room */
  readonly isPublished: boolean
  readonly isMuted: boolean
  readonly name: string
  /** the turn of marks that goes on: first slot after it; 0 when there is none */
  readonly marksUntil: number
}

/** The slot at which a step takes effect. */
export const slotOf = (atMs: number): number => Math.ceil(atMs / SLOT_MS)

/** Steps in the order in which they take effect; those of one moment keep their order. */
export function orderedSteps(script: Script): readonly Step[] {
  return script.steps.toSorted((a, b) => a.atMs - b.atMs)
}

/** Everybody at T0. */
export function openingParts(script: Script): Map<string, Part> {
  const late = new Set(script.steps.filter((one) => one.do === 'join').map((one) => one.actor))
  return new Map(
    script.cast.map(({ identity, name }) => {
      const isThere = !late.has(identity)
      return [identity, { isPresent: isThere, isPublished: isThere, isMuted: false, name, marksUntil: 0 }]
    }),
  )
}

/** Whether what the person speaks can be heard. */
export const isHeard = (part: Part): boolean => part.isPresent && part.isPublished && !part.isMuted

/**
 * What a person is after a step.
 * @returns the sentence that says why the step is impossible, instead
 */
export function nextPart(part: Part, step: Step): Part | string {
  const why = obstacle(part, step)
  if (why !== null) return `${step.actor} cannot ${step.do} at ${step.atMs} ms: ${why}`
  const gone = { isPublished: false, isMuted: false, marksUntil: 0 }
  switch (step.do) {
    case 'say':
      return part
    case 'marks':
      return { ...part, marksUntil: slotOf(step.atMs) + step.slots }
    case 'join':
    case 'rejoin':
      return { ...part, isPresent: true, isPublished: true }
    case 'leave':
      return { ...part, ...gone, isPresent: false }
    case 'rename':
      return { ...part, name: step.name }
    case 'mute':
      return { ...part, isMuted: true }
    case 'unmute':
      return { ...part, isMuted: false }
    case 'unpublish':
      return { ...part, ...gone }
    case 'republish':
      return { ...part, ...gone, isPublished: true }
    default:
      return assertNever(step)
  }
}

function obstacle(part: Part, step: Step): string | null {
  if (step.do === 'join' || step.do === 'rejoin') return part.isPresent ? 'already in the room' : null
  if (!part.isPresent) return 'not in the room'
  if (step.do === 'leave' || step.do === 'rename' || step.do === 'republish') return null
  if (!part.isPublished) return 'no microphone in the room'
  if (step.do === 'mute' && part.isMuted) return 'muted'
  return step.do === 'unmute' && !part.isMuted ? 'not muted' : null
}

/** Every reason why a script cannot be played, one sentence each; empty when it can. */
export function scriptProblems(script: Script): readonly string[] {
  const problems: string[] = []
  const parts = openingParts(script)
  if (parts.size < script.cast.length) problems.push('two people have the same identity')
  if (new Set(script.cast.map(({ who }) => who)).size < script.cast.length) problems.push('two people have the same number')
  for (const step of orderedSteps(script)) {
    const part = parts.get(step.actor)
    const next = part === undefined ? `nobody is called ${step.actor}` : nextPart(part, step)
    if (typeof next === 'string') problems.push(next)
    else parts.set(step.actor, next)
  }
  return problems
}

/** The first slot at which nothing happens any more: steps taken, marks spoken and the length over. Clips may last longer. */
export function endSlot(script: Script): number {
  return Math.max(slotOf(script.lengthMs ?? 0), ...script.steps.map((one) => slotOf(one.atMs) + (one.do === 'marks' ? one.slots : 1)))
}

/** A line that a faithful transcript has. */
export interface ExpectedLine {
  readonly identity: string
  /** at that time */
  readonly name: string
  readonly text: string
  readonly atMs: number
}

/** What is said aloud, in order. What is said into a muted microphone is left out: nobody may hear it. */
export function expectedTranscript(script: Script): readonly ExpectedLine[] {
  const lines: ExpectedLine[] = []
  const parts = openingParts(script)
  for (const step of orderedSteps(script)) {
    const part = parts.get(step.actor)
    if (!part) continue
    if (step.do === 'say' && isHeard(part)) lines.push({ identity: step.actor, name: part.name, text: step.text, atMs: step.atMs })
    const next = nextPart(part, step)
    if (typeof next !== 'string') parts.set(step.actor, next)
  }
  return lines
}

/** A mark that is spoken in slot n of the script's clock. */
export interface ExpectedMark {
  readonly who: number
  readonly n: number
  /** false when it is spoken into a muted microphone: nobody may hear it */
  readonly isHeard: boolean
}

/** Every mark of a script, slot by slot and in the order of the cast. */
export function expectedMarks(script: Script): readonly ExpectedMark[] {
  const marks: ExpectedMark[] = []
  const parts = openingParts(script)
  const steps = orderedSteps(script)
  let next = 0
  const end = endSlot(script)
  for (let n = 0; n < end; n++) {
    for (let step = steps[next]; step !== undefined && slotOf(step.atMs) <= n; step = steps[++next]) {
      const part = parts.get(step.actor)
      const after = part && nextPart(part, step)
      if (after !== undefined && typeof after !== 'string') parts.set(step.actor, after)
    }
    for (const { identity, who } of script.cast) {
      const part = parts.get(identity)
      if (part && part.isPublished && n < part.marksUntil) marks.push({ who, n, isHeard: isHeard(part) })
    }
  }
  return marks
}
