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

/** A distribution. */
export interface Spread {
  observe(value: number): void
}

/** What is counted, seconds and pieces. Label values come from closed lists: never a name, a room or an id. */
export interface Metrics {
  readonly meetingsRunning: Level
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
  /** Everything in the text format of Prometheus. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

const WAIT_BUCKETS_SEC = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30]

/**
 * A set of metrics of its own: nothing is global.
 * @param options.process also memory, CPU, event loop and garbage collection of this process: once a process
 */
export function createMetrics(options: { readonly process: boolean }): Metrics {
  const register = new Registry()
  if (options.process) collectDefaultMetrics({ register })
  const registers = [register]

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
  function spread(name: string, help: string, buckets: number[]): Spread {
    const histogram = new Histogram({ name: `roomscribe_${name}`, help, buckets, registers })
    return { observe: (value) => histogram.observe(value) }
  }
  const fates = ['heard', 'sent', 'acknowledged', 'returned', 'waiting', 'unaccounted'].map((fate) => ({ fate }))
  const opened = ['first', 'roll', 'reopened', 'replacement', 'recovery'].map((why) => ({ why }))

  return {
    meetingsRunning: level('meetings_running', 'Meetings that this process runs now'),
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
    noisyPeople: count('noisy_people', 'People who never paused, so that others were served first'),
    sessionsOpened: count('speech_sessions_opened', 'Speech sessions opened, by why', ['why'], opened),
    sessionsEnded: count('speech_sessions_ended', 'Speech sessions ended, by reason', ['reason']),
    gaps: count('gaps', 'Stretches in which a person was not transcribed, by reason', ['reason']),
    tracksSubscribed: level('tracks_subscribed', 'Audio tracks that this process hears now'),
    tracksOverCapacity: level('tracks_over_capacity', 'Audio tracks that this process does not hear because there are too many'),
    stalledSec: count(
      'event_loop_stalled_seconds',
      'Seconds in which the event loop of this process stood still, in stalls of a second and more',
    ),
    text: async () => ({ contentType: register.contentType, body: await register.metrics() }),
  }
}
