import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UpstreamError } from '../../core/errors.js'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { FINAL_STATES, type MeetingRecord, type SummaryRecord } from '../../records/port.js'
import { receiptView, type ReceiptView } from '../../live/transcript/render/receipt.js'
import type { TranscriptDocument } from '../../live/transcript/segment.js'
import { actorToken } from '../../standins/actors/token.js'
import { demoMeeting } from '../../standins/actors/demo-meeting.js'
import { renderPost } from '../../standins/slack/render.js'
import { startSlackStandin, type SlackStandin } from '../../standins/slack/server.js'
import { Secret } from '../config/secret.js'
import type { Settings } from '../config/settings.js'
import { observerOf, type MeetingWatcher } from '../observe.js'
import { loadTranscript, transcriptAs } from '../transcripts.js'
import { startUp, type Up } from '../up.js'
import { castOf, playScript, type Played } from './cast.js'
import { openLivekit } from './livekit.js'
import { Recorder } from './recorder.js'
import { report, type DemoReport } from './report.js'
import type { HeardLine } from './score.js'
import { slackDescribes, usesRealSlack } from './slack.js'

/** How to run the demo. */
export interface DemoOptions {
  readonly people: number
  readonly seconds: number
  /** monotonic ms at which the user pressed return */
  readonly startedMs: number
  /** seconds that set-up took before this process began */
  readonly setupSec: number
}

/** What the demo tells while it runs. */
export interface DemoView extends MeetingWatcher {
  step(text: string): void
  banner(lines: readonly (readonly [string, string])[]): void
  /** something that a person of the script did */
  happened(text: string): void
}

/** What the demo leaves behind. */
export interface DemoResult {
  readonly report: DemoReport
  readonly transcript: TranscriptDocument
  readonly text: string
  readonly receipt: ReceiptView
  readonly summary: SummaryRecord | null
  /** the posts of the stand-in as plain text; empty when the real Slack was used */
  readonly posts: readonly string[]
  readonly meeting: MeetingRecord
}

/** A demo that is still up: for `--keep`. */
export interface RunningDemo {
  readonly result: DemoResult
  readonly api: { readonly url: string; readonly apiKey: string }
  /** Sends a bot into another room of the demo's server. @returns a link with which a browser joins it, and a token for any other client */
  invite(room: string): Promise<{ readonly link: string; readonly url: string; readonly token: string }>
  close(): Promise<void>
}

const ROOM = 'weekly'
/** from the last word to the post, at the most */
const AFTERWARDS_MS = 120_000
const POLL_MS = 100
const STAND_IN_TOKEN = 'xoxb-stand-in'

/** Runs the whole thing once. @throws what could not be started, in one sentence; everything is closed then */
export async function runDemo(
  settings: Settings,
  options: DemoOptions,
  view: DemoView,
  parts: { clock: Clock; logger: Logger; random: () => number },
  signal: AbortSignal,
): Promise<RunningDemo> {
  const { clock, logger } = parts
  const scope = new Scope((name, error) => logger.error({ err: error, work: name }, 'background work failed'))
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'roomscribe-demo-'))
    scope.defer('data folder', () => rm(dataDir, { recursive: true, force: true }))
    view.step('starting the LiveKit server')
    const livekit = await openLivekit(settings, clock, logger)
    scope.defer('livekit', () => livekit.close())
    const slack = usesRealSlack(settings) ? null : await startSlackStandin({ clock })
    if (slack) scope.defer('slack', () => slack.close())
    view.step('starting roomscribe and the people: database, queue, recogniser, voices')
    const recorder = new Recorder(view, clock)
    const script = demoMeeting({ people: options.people, seconds: options.seconds })
    const cast = castOf(script, { ...livekit, room: ROOM }, clock, (text) => view.happened(text))
    scope.defer('people', () => cast.actors.stop())
    const up = await startUp(demoSettings(settings, livekit, slack, dataDir), { ...parts, observe: () => observerOf(recorder) })
    scope.defer('roomscribe', () => up.close())
    view.banner([
      ['LiveKit', livekit.describes],
      ['speech', up.describes.speech],
      ['Slack', slackDescribes(settings)],
      ['database', up.describes.database],
      ['queue', up.describes.queue],
      ['HTTP API', up.url],
      ['people', script.cast.map((member) => member.name).join(', ')],
    ])
    const meeting = await startMeeting(up, signal)
    const live = () => untilState(up, meeting, clock, 'live', signal).then(() => undefined)
    const said = await playScript(cast, live, clock, signal)
    await stopMeeting(up, meeting)
    const ended = await untilFinal(up, meeting, clock, signal)
    const result = await collect({ up, ended, recorder, said, slack, options, clock })
    return {
      result,
      api: up,
      invite: async (room) => {
        const { id } = (await call(up, 'POST', '/v1/meetings', { room, title: 'Your turn' }, signal)) as { id: string }
        const made = (await call(up, 'POST', `/v1/meetings/${id}/links`, { guest: true }, signal)) as { token: string }
        const link = `${up.url}/join#link=${made.token}`
        return { link, url: livekit.url, token: await actorToken(livekit, { room, identity: 'you', name: 'You' }) }
      },
      close: () => scope.close(),
    }
  } catch (thrown) {
    await scope.close().catch((error: unknown) => logger.error({ err: error }, 'closing the demo failed'))
    throw thrown
  }
}

function demoSettings(
  settings: Settings,
  livekit: { url: string; apiKey: string; apiSecret: string },
  slack: SlackStandin | null,
  dataDir: string,
): Settings {
  return {
    ...settings,
    livekitUrl: livekit.url,
    livekitApiKey: livekit.apiKey,
    livekitApiSecret: new Secret(livekit.apiSecret),
    ...(slack ? { slackBotToken: new Secret(STAND_IN_TOKEN), slackApiUrl: slack.url, slackChannel: 'meetings' } : {}),
    databaseUrl: null,
    redisUrl: null,
    dataDir,
    port: 0,
    language: settings.language ?? 'en',
  }
}

/** Talks to roomscribe as a user does: over HTTP. */
async function call(up: Up, method: 'GET' | 'POST', path: string, body: object | null, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(`${up.url}${path}`, {
    method,
    signal,
    headers: { authorization: `Bearer ${up.apiKey}`, 'content-type': 'application/json' },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  })
  const answer: unknown = await response.json()
  if (!response.ok) {
    throw new UpstreamError('api', `${method} ${path} was answered with ${response.status}: ${JSON.stringify(answer)}`, {
      service: 'roomscribe',
      status: response.status,
      retryable: false,
    })
  }
  return answer
}

async function startMeeting(up: Up, signal: AbortSignal): Promise<MeetingId> {
  const meeting = (await call(up, 'POST', '/v1/meetings', { room: ROOM, title: 'Weekly meeting' }, signal)) as { id: string }
  return asMeetingId(meeting.id)
}

async function stopMeeting(up: Up, id: MeetingId): Promise<void> {
  await call(up, 'POST', `/v1/meetings/${id}/stop`, {}, AbortSignal.timeout(10_000))
}

async function untilState(
  up: Up,
  id: MeetingId,
  clock: Clock,
  wanted: MeetingRecord['state'],
  signal: AbortSignal,
): Promise<MeetingRecord> {
  for (const endMs = clock.monotonicMs() + AFTERWARDS_MS; ;) {
    const meeting = await up.store.meeting(id)
    if (meeting.state === wanted) return meeting
    if (FINAL_STATES.includes(meeting.state) || clock.monotonicMs() > endMs) {
      throw new UpstreamError('demo', `the meeting is ${meeting.state} (${meeting.reason ?? 'no reason'}) instead of ${wanted}`, {
        service: 'roomscribe',
        retryable: false,
      })
    }
    await clock.sleep(POLL_MS, signal)
  }
}

const untilFinal = (up: Up, id: MeetingId, clock: Clock, signal: AbortSignal): Promise<MeetingRecord> =>
  untilState(up, id, clock, 'done', signal)

async function collect(from: {
  up: Up
  ended: MeetingRecord
  recorder: Recorder
  said: Played
  slack: SlackStandin | null
  options: DemoOptions
  clock: Clock
}): Promise<DemoResult> {
  const { up, ended, recorder, said, slack, options, clock } = from
  const transcript = await loadTranscript(up.store, ended.id)
  const summary = await up.store.summary(ended.id)
  // meeting time 0 on the monotonic clock, which every process of this host shares
  const startMs = Date.parse(ended.startedAt ?? '') - clock.nowMs() + clock.monotonicMs()
  const atMs = new Map(recorder.lines.map((line) => [line.key, line.atMs]))
  const heard: HeardLine[] = transcript.segments.map((segment) => ({
    identity: segment.identity,
    text: segment.text,
    startMs: startMs + segment.startMs,
    endMs: startMs + segment.endMs,
    atMs: atMs.get(`${segment.sessionId}/${segment.utteranceId}/${segment.part}`) ?? Number.NaN,
  }))
  const first = recorder.lines[0]
  const slackPosts = slack ? slack.posts().length : (await up.store.deliveries(ended.id)).filter((one) => one.state === 'sent').length
  const result = report({
    said: said.lines,
    heard,
    transcript,
    summary,
    slackPosts,
    setupSec: options.setupSec,
    firstWordSec: first ? options.setupSec + (first.atMs - options.startedMs) / 1000 : Number.NaN,
    failedSteps: said.health.failures,
    speakersLateMs: Math.max(said.health.worstLatenessMs, said.health.worstUnderrunMs, said.health.worstLoopDelayMs),
  })
  const { body } = await transcriptAs(up.store, ended, 'txt')
  return {
    report: result,
    transcript,
    text: body,
    receipt: receiptView(transcript),
    summary,
    posts: slack ? slack.posts().map(renderPost) : [],
    meeting: ended,
  }
}
