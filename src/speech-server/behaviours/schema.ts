import { z } from 'zod'
import { ConfigError } from '../../core/errors.js'

/** Any close code that a server may put into a close frame. */
const closeCode = z
  .int()
  .refine((code) => (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999), {
    error: 'use a close code: 1000-1003, 1007-1014 or 3000-4999',
  })
const closeCodeOrTerminate = z.union([closeCode, z.literal('terminate')], { error: 'use a close code, or "terminate" (no close frame)' })
const milliseconds = z.int().min(0).max(86_400_000)
const httpStatus = z.int().min(400).max(599)
const flag = z.boolean({ error: 'use true or false' })

/** Every switch with the values it takes; README.md has a line for each. */
const VALUES = {
  post: z.union(
    [
      z.literal(['normal', 'lost_response', 'garbage_body']),
      z.strictObject({ status: httpStatus, retryAfterSec: z.number().min(0).optional(), message: z.string().optional() }),
      z.strictObject({ slowMs: milliseconds }),
    ],
    { error: 'use "normal", "lost_response", "garbage_body", {status, retryAfterSec?, message?} or {slowMs}' },
  ),
  validationStatus: z.literal([400, 422], { error: 'use 400 or 422' }),
  get: z.union([z.literal('normal'), z.strictObject({ status: httpStatus }), z.strictObject({ slowMs: milliseconds })], {
    error: 'use "normal", {status} or {slowMs}',
  }),
  handshake: z.union([z.literal('normal'), z.strictObject({ status: httpStatus })], { error: 'use "normal" or {status}' }),
  byteRangeBase: z.literal(['session', 'connection'], { error: 'use "session" or "connection"' }),
  byteRangeEnd: z.literal(['half_open', 'inclusive'], { error: 'use "half_open" or "inclusive"' }),
  acks: z.union(
    [
      z.literal(['each', 'drop', 'withhold', 'reject']),
      z.strictObject({ coalesce: z.int().min(2).max(1000) }),
      z.strictObject({ delayMs: milliseconds }),
    ],
    { error: 'use "each", "drop", "withhold", "reject", {coalesce} or {delayMs}' },
  ),
  unackedBytes: z.literal(['discarded', 'kept'], { error: 'use "discarded" or "kept"' }),
  emptyChunk: z.literal(['ack', 'none'], { error: 'use "ack" or "none"' }),
  oversizeFrame: z.literal(['close_then_403', 'close_only'], { error: 'use "close_then_403" or "close_only"' }),
  incompleteFrame: z.literal(['reject', 'close_4400', 'accept'], { error: 'use "reject", "close_4400" or "accept"' }),
  idleMs: z.union([z.int().min(1).max(86_400_000), z.literal('never')], { error: 'use milliseconds, or "never"' }),
  idleClose: closeCodeOrTerminate,
  endedSession: z.literal(['close_4403', 'http_403'], { error: 'use "close_4403" or "http_403"' }),
  detached: z.union([z.strictObject({ survivesMs: milliseconds }), z.literal(['ends_at_once', 'never_ends'])], {
    error: 'use {survivesMs}, "ends_at_once" or "never_ends"',
  }),
  detachedMessages: z.literal(['lost', 'replayed'], { error: 'use "lost" or "replayed"' }),
  afterStop: z.literal(['normal', 'never_closes', 'close_1011', 'stays_processing'], {
    error: 'use "normal", "never_closes", "close_1011" or "stays_processing"',
  }),
  startSession: z.literal(['never', 'on_socket'], { error: 'use "never" or "on_socket"' }),
  concurrency: z.int({ error: 'use a whole number from 1 to 256' }).min(1).max(256),
  slot: z.literal(['released', 'kept_without_stop'], { error: 'use "released" or "kept_without_stop"' }),
  sessionLimitMs: z.int().min(1).max(86_400_000),
  sessionLimitCounts: z.literal(['wall', 'audio'], { error: 'use "wall" or "audio"' }),
  sessionLimitClose: closeCodeOrTerminate,
  unknownMessage: flag,
  extraFields: flag,
  invalidJson: flag,
  binaryMessage: flag,
  pingFlood: z.int().min(0).max(10_000),
  halfOpen: z.union([z.literal('never'), z.strictObject({ afterChunks: z.int().min(0) })], { error: 'use "never" or {afterChunks}' }),
  closeSocket: z.union([z.literal('never'), z.strictObject({ code: closeCodeOrTerminate, afterChunks: z.int().min(0) })], {
    error: 'use "never" or {code, afterChunks}',
  }),
  acceptThenClose: z.union([z.literal('never'), z.strictObject({ code: closeCodeOrTerminate })], { error: 'use "never" or {code}' }),
  shuffleFinals: z.int().min(0).max(1000),
  duplicateFinals: z.int().min(0).max(100),
  partialAfterFinal: flag,
  timestamps: z.union([z.literal(['exact', 'end_before_start', 'beyond_audio', 'null']), z.strictObject({ jumpSec: z.number() })], {
    error: 'use "exact", "end_before_start", "beyond_audio", "null" or {jumpSec}',
  }),
  channel: z.union([z.literal(['exact', 'negative', 'fraction', 'missing']), z.strictObject({ add: z.int() })], {
    error: 'use "exact", "negative", "fraction", "missing" or {add}',
  }),
} as const

/** Name of a switch. */
export type SwitchName = keyof typeof VALUES
/** What a switch can be set to. */
export type SwitchValue<N extends SwitchName> = z.infer<(typeof VALUES)[N]>
type Counted<T> = T | { readonly switch: T; readonly times: number }
/** Switches away from the default; `{switch, times}` goes back to the default after that many uses. */
export type Behaviours = { readonly [N in SwitchName]?: Counted<SwitchValue<N>> }

/** The documented or most likely reading of everything that Gladia's documents leave open. */
export const DEFAULTS: { readonly [N in SwitchName]: SwitchValue<N> } = {
  post: 'normal',
  validationStatus: 400,
  get: 'normal',
  handshake: 'normal',
  byteRangeBase: 'session',
  byteRangeEnd: 'half_open',
  acks: 'each',
  unackedBytes: 'discarded',
  emptyChunk: 'ack',
  oversizeFrame: 'close_then_403',
  incompleteFrame: 'reject',
  idleMs: 30_000,
  idleClose: 4408,
  endedSession: 'close_4403',
  detached: { survivesMs: 60_000 },
  detachedMessages: 'lost',
  afterStop: 'normal',
  startSession: 'never',
  concurrency: 30,
  slot: 'released',
  sessionLimitMs: 10_800_000,
  sessionLimitCounts: 'wall',
  sessionLimitClose: 4408,
  unknownMessage: false,
  extraFields: false,
  invalidJson: false,
  binaryMessage: false,
  pingFlood: 0,
  halfOpen: 'never',
  closeSocket: 'never',
  acceptThenClose: 'never',
  shuffleFinals: 0,
  duplicateFinals: 0,
  partialAfterFinal: false,
  timestamps: 'exact',
  channel: 'exact',
}

/** Every switch there is. */
export const SWITCH_NAMES = Object.keys(VALUES) as SwitchName[]

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const countedShape = z.strictObject({ switch: z.unknown(), times: z.int().min(1).max(1_000_000) })

function issues(name: string, error: z.ZodError): string[] {
  return error.issues.map((issue) => `${[name, ...issue.path].join('.')}: ${issue.message}`)
}

function switchProblems(name: string, value: unknown): string[] {
  if (!Object.hasOwn(VALUES, name)) return [`${name}: there is no such switch`]
  const schema: z.ZodType = VALUES[name as SwitchName]
  if (!isObject(value) || !('switch' in value)) {
    const parsed = schema.safeParse(value)
    return parsed.success ? [] : issues(name, parsed.error)
  }
  const counted = countedShape.safeParse(value)
  const inner = schema.safeParse(value['switch'])
  return [...(counted.success ? [] : issues(name, counted.error)), ...(inner.success ? [] : issues(`${name}.switch`, inner.error))]
}

/**
 * Checks a behaviours document.
 * @throws {ConfigError} with every problem, a line each
 */
export function parseBehaviours(document: unknown): Behaviours {
  if (!isObject(document)) throw new ConfigError(['behaviours: expected a JSON object of switches'])
  const problems = Object.entries(document).flatMap(([name, value]) => switchProblems(name, value))
  if (problems.length > 0) throw new ConfigError(problems)
  return document
}
