import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** A number that only grows, by label values. */
export interface Count<Label extends string = never> {
  /** @param by at least 0 */
  add(by: number, labels: Readonly<Record<Label, string>>): void
}

/** A number that goes up and down. */
export interface Level {
  add(by: number): void
  set(to: number): void
}

/** Numbers that go up and down, by label values. */
export interface Levels<Label extends string> {
  set(to: number, labels: Readonly<Record<Label, string>>): void
  /** Nothing is known any more. */
  clear(): void
}

/** A distribution. */
export interface Spread {
  observe(value: number): void
}

/** What is counted, seconds and pieces. Label values come from closed lists: never a name, a room or an id. */
export interface Metrics {
  readonly meetingsRunning: Level
  /** how many this process may run at once */
  readonly meetingsCapacity: Level
  /** of all processes, as the store has them */
  readonly meetingsByState: Levels<'state'>
  readonly queueJobs: Levels<'queue' | 'state'>
  /** seconds from the end of what was said until its text was durable */
  readonly finalLagSec: Spread
  /** seconds by which the mixer of a meeting was asked for blocks later than every 10 ms */
  readonly tickLateSec: Spread
  readonly reconnects: Count<'of'>
  readonly meetings: Count<'state' | 'reason'>
  readonly transcripts: Count<'complete'>
  readonly doubts: Count<'doubt'>
  readonly billedChannelSec: Count
  readonly channelEachSec: Count
  readonly speechSec: Count<'fate'>
  readonly lostSec: Count<'reason'>
  readonly waits: Count
  readonly waitSec: Count
  readonly longestWaitSec: Spread
  readonly noisyPeople: Count
  readonly sessionsOpened: Count<'why'>
  readonly sessionsEnded: Count<'reason'>
  readonly gaps: Count<'reason'>
  readonly tracksSubscribed: Level
  readonly tracksOverCapacity: Level
  /** seconds in which the event loop stood still, each a second or longer */
  readonly stalledSec: Count
  /** what became of requests to the path of LiveKit's webhooks */
  readonly webhooks: Count<'result'>
  /** meetings that were started because people were in a room */
  readonly autoJoins: Count<'by'>
  /** Calls `look` before each answer, and waits for it: for numbers that are looked up. It must not throw, and must end soon. */
  beforeText(look: () => Promise<void>): void
  /** Everything in the text format of Prometheus. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

const LAG_BUCKETS_SEC = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60]
const TICK_BUCKETS_SEC = [0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1]
const WAIT_BUCKETS_SEC = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30]

/**
 * A set of metrics of its own: nothing is global.
 * @param options.process also memory, CPU, event loop and garbage collection of this process: once a process
 */
export function createMetrics(options: { readonly process: boolean }): Metrics {
  const register = new Registry()
  if (options.process) collectDefaultMetrics({ register })
  const registers = [register]
  const looks: (() => Promise<void>)[] = []

  function count<Label extends string = never>(
    name: string,
    help: string,
    labelNames: Label[] = [],
    known: Record<Label, string>[] = [],
  ): Count<Label> {
    const counter = new Counter<Label>({ name: `roomscribe_${name}_total`, help, labelNames, registers })
    // a rate needs the 0 before the first event
    for (const labels of known) counter.inc(labels, 0)
    return { add: (by, labels) => counter.inc(labels, by) }
  }
  function level(name: string, help: string): Level {
    const gauge = new Gauge({ name: `roomscribe_${name}`, help, registers })
    return { add: (by) => gauge.inc(by), set: (to) => gauge.set(to) }
  }
  function levels<Label extends string>(name: string, help: string, labelNames: Label[]): Levels<Label> {
    const gauge = new Gauge<Label>({ name: `roomscribe_${name}`, help, labelNames, registers })
    return { set: (to, labels) => gauge.set(labels, to), clear: () => gauge.reset() }
  }
  function spread(name: string, help: string, buckets: number[]): Spread {
    const histogram = new Histogram({ name: `roomscribe_${name}`, help, buckets, registers })
    return { observe: (value) => histogram.observe(value) }
  }
  const fates = ['heard', 'sent', 'acknowledged', 'returned', 'waiting', 'unaccounted'].map((fate) => ({ fate }))
  const opened = ['first', 'roll', 'reopened', 'replacement', 'recovery'].map((why) => ({ why }))

  const webhookResults = ['taken', 'ignored', 'duplicate', 'replayed', 'refused', 'unreadable'].map((result) => ({ result }))

  return {
    meetingsRunning: level('meetings_running', 'Meetings that this process runs now'),
    meetingsCapacity: level('meetings_capacity', 'Meetings that this process may run at once'),
    meetingsByState: levels('meetings_by_state', 'Meetings that are not over, of all processes, by state', ['state']),
    queueJobs: levels('queue_jobs', 'Jobs of all processes, by queue and state; failed ones wait for a person', ['queue', 'state']),
    finalLagSec: spread('final_lag_seconds', 'Seconds from the end of what was said until its text was durable', LAG_BUCKETS_SEC),
    tickLateSec: spread(
      'audio_tick_late_seconds',
      'Seconds by which the mixer of a meeting was asked for audio later than every 10 ms; what is late by 0.4 s is heard late',
      TICK_BUCKETS_SEC,
    ),
    reconnects: count('reconnects', 'Connections that were lost and restored, by what to', ['of'], [{ of: 'room' }, { of: 'speech' }]),
    meetings: count('meetings', 'Meetings that this process ran, by the state and the reason they ended with', ['state', 'reason']),
    transcripts: count(
      'transcripts',
      'Transcripts, by whether everything that was heard is in them',
      ['complete'],
      [{ complete: 'true' }, { complete: 'false' }],
    ),
    doubts: count('transcript_doubts', 'Reasons why transcripts were not complete', ['doubt']),
    billedChannelSec: count(
      'billed_channel_seconds',
      'Channels times seconds of audio sent to the speech service, of ended meetings: what it bills',
    ),
    channelEachSec: count(
      'channel_each_seconds',
      'What that would have been with a channel for each person while their microphone was open',
    ),
    speechSec: count('speech_seconds', 'Seconds of voice of ended meetings, by what became of it', ['fate'], fates),
    lostSec: count('speech_lost_seconds', 'Seconds of voice that are in no transcript, by reason', ['reason']),
    waits: count('speech_waits', 'How often speech asked for a channel'),
    waitSec: count('speech_wait_seconds', 'How long speech waited for a channel, in all'),
    longestWaitSec: spread(
      'speech_longest_wait_seconds',
      'Longest wait for a channel of each person who spoke in a meeting',
      WAIT_BUCKETS_SEC,
    ),
    noisyPeople: count(
      'noisy_people',
      'People who were loud for a minute without a pause: a voice, so that others were served first, or another noise',
    ),
    sessionsOpened: count('speech_sessions_opened', 'Speech sessions opened, by why', ['why'], opened),
    sessionsEnded: count('speech_sessions_ended', 'Speech sessions ended, by reason', ['reason']),
    gaps: count('gaps', 'Stretches in which a person was not transcribed, by reason', ['reason']),
    tracksSubscribed: level('tracks_subscribed', 'Audio tracks that this process hears now'),
    tracksOverCapacity: level('tracks_over_capacity', 'Audio tracks that this process does not hear because there are too many'),
    stalledSec: count(
      'event_loop_stalled_seconds',
      'Seconds in which the event loop of this process stood still, in stalls of a second and more',
    ),
    webhooks: count('webhooks', "Requests to the path of LiveKit's webhooks, by what became of them", ['result'], webhookResults),
    autoJoins: count(
      'auto_joins',
      'Meetings that were started because people were in a room, by what led to it',
      ['by'],
      [{ by: 'webhook' }, { by: 'listing' }],
    ),
    beforeText: (look) => void looks.push(look),
    text: async () => {
      await Promise.all(looks.map((look) => look()))
      return { contentType: register.contentType, body: await register.metrics() }
    },
  }
}
