import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { MeetingRecord, MeetingStore, SessionRecord, StoredSegment } from '../../records/port.js'
import type { ApiEnv } from '../auth/caller.js'
import { common, failure, idParam, json, newRoutes } from './routes.js'
import { visibleMeeting } from './visible.js'

type Gaps = Awaited<ReturnType<MeetingStore['gaps']>>
type Spans = Awaited<ReturnType<MeetingStore['spans']>>

/** What the route needs. */
export interface TimelineRoutesDeps {
  readonly store: Pick<MeetingStore, 'meeting' | 'segments' | 'gaps' | 'spans' | 'sessions'>
}

const ms = z.int().min(0)

/** Who spoke when. */
export const SpeechTimeline = z
  .object({
    durationMs: ms,
    speech: z
      .array(z.object({ identity: z.string().nullable(), name: z.string().nullable(), fromMs: ms, toMs: ms }))
      .describe('runs of text by one person, pauses of less than a second within; in order of time'),
    gaps: z.array(z.object({ identity: z.string(), fromMs: ms, toMs: ms, reason: z.string() })),
    sessions: z
      .array(z.object({ session: z.string(), channels: z.int(), fromMs: ms, toMs: ms, endReason: z.string().nullable() }))
      .describe('sessions of the speech service, from the first to the last sound that they carried'),
  })
  .openapi('Timeline')

const timeline = createRoute({
  method: 'get',
  path: '/meetings/{id}/timeline',
  request: { params: idParam },
  responses: {
    ...common,
    200: json(SpeechTimeline, 'who spoke when, what could not be heard, and the speech sessions'),
    404: failure('no such meeting'),
  },
})

/** Pauses below this are no end of a run. */
const PAUSE_MS = 1_000

/** Runs of speech, in order of time. @param segments in any order */
export function speechRuns(segments: readonly Pick<StoredSegment, 'identity' | 'startMs' | 'endMs'>[], names: ReadonlyMap<string, string>) {
  const runs: { identity: string | null; name: string | null; fromMs: number; toMs: number }[] = []
  const last = new Map<string | null, (typeof runs)[number]>()
  for (const { identity, startMs, endMs } of segments.toSorted((a, b) => a.startMs - b.startMs)) {
    const run = last.get(identity)
    if (run !== undefined && startMs - run.toMs < PAUSE_MS) {
      run.toMs = Math.max(run.toMs, endMs)
      continue
    }
    const made = { identity, name: identity === null ? null : (names.get(identity) ?? identity), fromMs: startMs, toMs: endMs }
    last.set(identity, made)
    runs.push(made)
  }
  return runs
}

/** When each session carried sound; one that carried none is left out. In order of time. */
export function sessionTimes(sessions: readonly SessionRecord[], spans: Spans) {
  return sessions
    .flatMap(({ sessionId, channels, sampleRate, endReason }) => {
      let [fromMs, toMs] = [Number.POSITIVE_INFINITY, 0]
      for (const span of spans) {
        if (span.sessionId !== sessionId) continue
        fromMs = Math.min(fromMs, span.meetingMs)
        toMs = Math.max(toMs, span.meetingMs + ((span.toFrame - span.fromFrame) / sampleRate) * 1000)
      }
      if (fromMs > toMs) return []
      return [{ session: sessionId, channels, fromMs: whole(fromMs), toMs: whole(toMs), endReason }]
    })
    .toSorted((a, b) => a.fromMs - b.fromMs)
}

const whole = (value: number): number => Math.max(0, Math.round(value))

function timelineOf(
  meeting: MeetingRecord,
  parts: {
    readonly segments: readonly StoredSegment[]
    readonly gaps: Gaps
    readonly spans: Spans
    readonly sessions: readonly SessionRecord[]
  },
) {
  const speech = speechRuns(parts.segments, new Map(meeting.participants.map(({ identity, name }) => [identity, name])))
  const gaps = parts.gaps
    .map(({ identity, fromMs, toMs, reason }) => ({ identity, fromMs: whole(fromMs), toMs: whole(toMs), reason }))
    .toSorted((a, b) => a.fromMs - b.fromMs)
  const sessions = sessionTimes(parts.sessions, parts.spans)
  const lastMs = [...speech, ...gaps, ...sessions].reduce((latest, { toMs }) => Math.max(latest, toMs), 0)
  const wholeMs = meeting.startedAt === null || meeting.endedAt === null ? 0 : Date.parse(meeting.endedAt) - Date.parse(meeting.startedAt)
  return { durationMs: Math.max(lastMs, whole(wholeMs)), speech, gaps, sessions }
}

/** The picture of a meeting in numbers, to be mounted under /v1. */
export function timelineRoutes({ store }: TimelineRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  app.openapi(timeline, async (c) => {
    const meeting = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    const { id } = meeting
    const [segments, gaps, spans, sessions] = await Promise.all([store.segments(id), store.gaps(id), store.spans(id), store.sessions(id)])
    return c.json(timelineOf(meeting, { segments, gaps, spans, sessions }), 200)
  })
  return app
}
