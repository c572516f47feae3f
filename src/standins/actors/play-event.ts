import { z } from 'zod'

const person = { identity: z.string() }
const span = { startedMs: z.number(), endedMs: z.number() }

const health = z.object({
  /** how late the worst slot of the script was begun, ms */
  worstLatenessMs: z.number(),
  /** the longest pause that a late process put into a clip, ms */
  worstUnderrunMs: z.number(),
  /** the worst delay of this process's event loop while playing, ms */
  worstLoopDelayMs: z.number(),
  /** marks of the script that were not spoken: too late, or their speaker was still joining */
  skippedMarks: z.int(),
  /** steps that failed */
  failures: z.int(),
})

/** How well a script was played. */
export type PlayHealth = z.infer<typeof health>

/** What happened while a script was played, one JSON line each. All times are monotonic ms, comparable between processes of one host. */
export const playEventSchema = z.discriminatedUnion('kind', [
  /** everybody of the opening is in the room with an open microphone */
  z.object({ kind: z.literal('ready') }),
  /** T0 of the script's clock */
  z.object({ kind: z.literal('started'), t0Ms: z.number() }),
  /** a step that is no speech has been taken */
  z.object({ kind: z.literal('step'), ...person, do: z.string(), name: z.string(), ...span }),
  /** a text was spoken; `isHeard` false: into a muted microphone, nobody may have heard it */
  z.object({
    kind: z.literal('said'),
    ...person,
    name: z.string(),
    text: z.string(),
    ...span,
    isComplete: z.boolean(),
    isHeard: z.boolean(),
  }),
  /** a mark was spoken; `isHeard` as above */
  z.object({ kind: z.literal('mark'), who: z.int(), n: z.int(), isHeard: z.boolean(), monotonicMs: z.number() }),
  /** a mark of the script was not spoken */
  z.object({ kind: z.literal('skipped'), who: z.int(), n: z.int(), why: z.enum(['late', 'joining']) }),
  z.object({ kind: z.literal('failed'), ...person, do: z.string(), message: z.string() }),
  /** the last event of a play that was started: everybody has left; `isPlayed` false: before the end of the script */
  z.object({ kind: z.literal('ended'), isPlayed: z.boolean(), health }),
])
export type PlayEvent = z.infer<typeof playEventSchema>

/** Above this a run shows nothing about the bot: the speakers themselves were late. */
const INVALID_MS = 500
/** Above this its timing shows nothing. */
const TIMING_MS = 100

/** What a run may be used for: everything, everything but timing assertions, or nothing (repeat it). */
export function playVerdict(health: PlayHealth): 'valid' | 'no_timing' | 'invalid' {
  const worst = Math.max(health.worstLatenessMs, health.worstUnderrunMs, health.worstLoopDelayMs)
  if (worst > INVALID_MS || health.failures > 0) return 'invalid'
  return worst > TIMING_MS ? 'no_timing' : 'valid'
}
