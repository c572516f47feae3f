import { ForbiddenError, InputError, type InputProblem } from '../../core/errors.js'
import type { ScheduleKind, ScheduleRequest } from '../../records/schedules.js'
import { mayRoom, type Caller } from '../auth/caller.js'
import { cronProblem } from './cron.js'
import { feedAddress } from './shown-url.js'
import { ianaZone } from './zone.js'

/** What may be given of a schedule; null takes away, what is absent stays. */
export interface ScheduleFields {
  readonly room?: string | null | undefined
  readonly title?: string | null | undefined
  readonly language?: string | null | undefined
  readonly vocabulary?: readonly string[] | undefined
  readonly slackChannel?: string | null | undefined
  readonly cron?: string | undefined
  readonly timeZone?: string | null | undefined
  readonly startAt?: string | undefined
  readonly durationSec?: number | undefined
  readonly url?: string | null | undefined
  readonly leadSec?: number | undefined
  readonly enabled?: boolean | undefined
}

/** What a schedule is before anybody says anything. */
const DEFAULT_DURATION_SEC = 3_600

/** A new schedule of a kind. @throws InputError every problem at once, ForbiddenError the key is not for that room */
export function newRequest(kind: ScheduleKind, fields: ScheduleFields, caller: Caller, leadSec: number, nowMs: number): ScheduleRequest {
  const nothing = {
    room: null,
    title: null,
    language: null,
    vocabulary: [],
    slackChannel: null,
    cron: null,
    timeZone: null,
    startAt: null,
    url: null,
  }
  const empty = { ...nothing, kind, durationSec: DEFAULT_DURATION_SEC, leadSec, enabled: true, owner: caller.id, rooms: caller.rooms }
  return checked({ ...empty, ...given(fields) }, null, caller, nowMs)
}

/** A schedule with some of it changed. @throws InputError every problem at once, ForbiddenError the key is not for that room */
export function changedRequest(before: ScheduleRequest, fields: ScheduleFields, caller: Caller, nowMs: number): ScheduleRequest {
  // whoever is limited to rooms cannot make somebody else's schedule reach further than himself
  return checked({ ...before, ...given(fields), rooms: caller.rooms ?? before.rooms }, before, caller, nowMs)
}

function given(fields: ScheduleFields): Partial<ScheduleRequest> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Partial<ScheduleRequest>
}

function checked(request: ScheduleRequest, before: ScheduleRequest | null, caller: Caller, nowMs: number): ScheduleRequest {
  const { kind, room, cron, timeZone, startAt, durationSec } = request
  const problems: InputProblem[] = []
  const wrong = (path: string, message: string) => problems.push({ path, message })
  const forbid = (path: 'cron' | 'startAt' | 'url') => {
    if (request[path] !== null) wrong(path, `does not belong to the kind ${kind}`)
  }
  if (room !== null && !mayRoom(caller, room)) throw new ForbiddenError('this key may not plan a meeting in that room')
  if (timeZone !== null && !ianaZone(timeZone)) wrong('timeZone', 'must be the name of a time zone, such as Europe/Berlin')
  if (kind !== 'ics' && room === null) wrong('room', `is needed for the kind ${kind}`)
  if (kind !== 'once') forbid('startAt')
  if (kind !== 'cron') forbid('cron')
  if (kind !== 'ics') forbid('url')
  if (kind === 'once') {
    if (startAt === null) wrong('startAt', 'is needed for the kind once')
    // one that is over stays as it is: its title may still be put right
    else if (startAt !== before?.startAt && Date.parse(startAt) + durationSec * 1000 <= nowMs) wrong('startAt', 'is over')
  }
  if (kind === 'cron') {
    const problem =
      cron === null ? 'is needed for the kind cron' : ianaZone(timeZone ?? 'UTC') ? cronProblem(cron, timeZone ?? 'UTC', nowMs) : null
    if (problem !== null) wrong('cron', problem)
  }
  const url = request.url === null ? null : feedAddress(request.url)
  if (url !== null && !isWebAddress(url)) wrong('url', 'must be an address that begins with https://, http:// or webcal://')
  if (problems.length > 0) throw new InputError('the schedule is wrong', problems)
  return { ...request, url, timeZone: kind === 'cron' ? (timeZone ?? 'UTC') : timeZone }
}

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
