/** What the HTTP API answers, as far as the page reads it (`/openapi.json` is the whole). Times in meetings are ms from their start. */

/** What a key, or the session made of it, may do. */
export type Permission = 'meetings:read' | 'meetings:write' | 'admin'

/** Who is logged in. `meetingId`: a link, which shows one meeting only. */
export interface Session {
  readonly name: string
  readonly scopes: readonly Permission[]
  readonly meetingId: string | null
  /** a link that lets its holder join the room */
  readonly mayJoin: boolean
}

export const STATES = [
  'scheduled',
  'queued',
  'joining',
  'waiting',
  'live',
  'reconnecting',
  'draining',
  'finalising',
  'done',
  'failed',
  'cancelled',
  'missed',
] as const
export type MeetingState = (typeof STATES)[number]

export interface Participant {
  readonly identity: string
  readonly name: string
  readonly joinedMs: number
  readonly leftMs: number | null
}

/** A step that was given up and waits for a person. */
export interface StuckStep {
  readonly id: string
  readonly step: string
  readonly attempts: number
  readonly reason: string
  readonly failedAt: string
}

export interface Meeting {
  readonly id: string
  readonly room: string
  readonly title: string | null
  readonly state: MeetingState
  readonly reason: string | null
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly language: string | null
  readonly paused?: boolean
  readonly participants: readonly Participant[]
  readonly deadLetter: StuckStep | null
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/** A text under a name; `identity` is null when nothing says who spoke. */
export interface Segment {
  readonly id: string
  readonly identity: string | null
  readonly name: string | null
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

export interface Gap {
  readonly identity: string
  readonly fromMs: number
  readonly toMs: number
  readonly reason: string
}

/** What became of a voice, ms. */
export interface CoverageTotal {
  readonly speechMs: number
  readonly sentMs: number
  readonly acknowledgedMs: number
  readonly returnedMs: number
  readonly lostMs: number
  readonly sentSpeechMs: number
  readonly acknowledgedSpeechMs: number
  readonly returnedSpeechMs: number
  readonly unheardMs: number
  readonly waits: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
}

export interface CoverageRow extends CoverageTotal {
  readonly identity: string
  readonly name: string
  readonly noisy: boolean
  readonly gaps: readonly Omit<Gap, 'identity'>[]
}

export interface Transcript {
  readonly meetingId: string
  readonly room: string
  readonly title: string | null
  readonly startedAt: string | null
  readonly complete: boolean
  readonly doubts: readonly string[]
  readonly segments: readonly Segment[]
  readonly coverage: readonly CoverageRow[]
  readonly coverageTotal: CoverageTotal
  readonly billing: {
    readonly channelSec: number
    readonly speechSec: number
    readonly channelEachSec: number
    readonly perSpeechSec: number | null
    readonly ofChannelEach: number | null
    readonly sessions: readonly { readonly session: string; readonly channels: number; readonly sec: number }[]
  }
}

export const SUMMARY_KINDS = ['overview', 'decisions', 'actions', 'questions'] as const

export interface Summary {
  readonly model: string
  readonly createdAt: string
  readonly sections: readonly {
    readonly kind: (typeof SUMMARY_KINDS)[number]
    readonly lines: readonly { readonly text: string; readonly owner: string | null; readonly segmentIds: readonly string[] }[]
  }[]
}

export interface Delivery {
  readonly destination: string
  readonly part: string
  readonly state: 'intended' | 'sent'
  readonly reference: string | null
}

/** Who spoke when, what is missing, which speech sessions there were. */
export interface Timeline {
  readonly durationMs: number
  readonly speech: readonly {
    readonly identity: string | null
    readonly name: string | null
    readonly fromMs: number
    readonly toMs: number
  }[]
  readonly gaps: readonly Gap[]
  readonly sessions: readonly {
    readonly session: string
    readonly channels: number
    readonly fromMs: number
    readonly toMs: number
    readonly endReason: string | null
  }[]
}

export interface Key {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Permission[]
  readonly rooms: readonly string[] | null
  readonly createdAt: string
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

export interface AuditEntry {
  readonly id: string | number
  readonly at: string
  readonly keyName: string | null
  readonly method: string
  readonly path: string
  readonly status: number
  /** the reason that a stop was given */
  readonly note?: string | null
}

export interface DeadLetter extends StuckStep {
  readonly meetingId: string | null
}

export interface Schedule {
  readonly id: string
  readonly kind: 'once' | 'cron' | 'ics'
  readonly room: string | null
  readonly title: string | null
  readonly cron: string | null
  readonly timeZone: string | null
  readonly startAt: string | null
  readonly durationSec: number | null
  readonly url: string | null
  readonly leadSec: number
  readonly enabled: boolean
  readonly lastPolledAt: string | null
  /** the visible error */
  readonly problem: string | null
}

export interface Occurrence {
  readonly id?: string
  readonly startAt: string
  readonly endAt: string | null
  readonly title: string | null
  readonly room: string | null
  readonly roomProblem: string | null
  readonly state: 'planned' | 'started' | 'missed' | 'cancelled' | 'skipped'
  readonly reason: string | null
  readonly meetingId: string | null
}

/** A text that may still change: replaces the partial of the same id; an empty one removes it. */
export interface Partial {
  readonly id: string
  readonly identity: string | null
  readonly name: string | null
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

/** A final text of the live feed. */
export interface LiveSegment extends Segment {
  readonly seq: number
  /** the partials with this id are over */
  readonly utterance?: string
}

/** One event of the live feed. */
export type LiveEvent =
  | { readonly kind: 'state'; readonly meeting: Meeting }
  | { readonly kind: 'partial'; readonly partial: Partial }
  | { readonly kind: 'segment'; readonly segment: LiveSegment }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** identities of those who have voice now, and of those whose speech waits for a channel */
  | { readonly kind: 'activity'; readonly speaking: readonly string[]; readonly waiting: readonly string[] }
  | { readonly kind: 'end'; readonly state: MeetingState; readonly reason: string | null }
