import { describe, expect, it } from 'vitest'
import { createEvents, type ReceiptFacts } from '../../../src/observe/events.js'
import { createLogger, silentLogger, type Logger } from '../../../src/observe/logger.js'
import { createMetrics } from '../../../src/observe/metrics.js'

const facts: ReceiptFacts = {
  people: 2,
  complete: false,
  doubts: ['lost', 'session'],
  total: {
    speechMs: 10_000,
    sentSpeechMs: 9000,
    acknowledgedSpeechMs: 8000,
    returnedSpeechMs: 7500,
    lostBy: { ring_full: 600, session_lost: 400 },
    waitingMs: 0,
    unaccountedMs: 0,
    waits: { count: 3, totalMs: 700, maxMs: 400 },
  },
  longestWaitsMs: [0, 400],
  noisyPeople: 1,
  billing: { channelSec: 42.5, speechSec: 10, channelEachSec: 120 },
}

describe('business events', () => {
  it('are counted and logged, one line each', async () => {
    const lines: string[] = []
    const log = createLogger('info', (line) => lines.push(line))
    const metrics = createMetrics({ process: false })
    const events = createEvents(metrics)
    events.meetingBegan(log)
    events.meetingBegan(log)
    events.sessionOpened(log, { session: 's1', channels: 4, why: 'first' })
    events.sessionOpened(log, { session: 's2', channels: 4, why: 'roll' })
    events.sessionEnded(log, { session: 's1', reason: 'done', frames: 16_000 })
    events.gapFound(log, { reason: 'ring_full', ms: 600 })
    events.trackHeard(1)
    events.trackHeard(1)
    events.trackHeard(-1)
    events.overCapacity(7)
    events.finalKept(0.6)
    events.finalKept(-0.1)
    events.mixerTicked(0.0055)
    events.mixerTicked(-0.001)
    events.reconnecting('speech')
    events.receiptMade(log, facts)
    events.meetingEnded(log, { state: 'done', reason: 'everybody_left', complete: false })
    const { body, contentType } = await metrics.text()
    expect(contentType).toMatch(/^text\/plain/)
    const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(samples).toEqual(
      expect.arrayContaining([
        'roomscribe_meetings_running 1',
        'roomscribe_meetings_total{state="done",reason="everybody_left"} 1',
        'roomscribe_transcripts_total{complete="true"} 0',
        'roomscribe_transcripts_total{complete="false"} 1',
        'roomscribe_transcript_doubts_total{doubt="session"} 1',
        'roomscribe_billed_channel_seconds_total 42.5',
        'roomscribe_channel_each_seconds_total 120',
        'roomscribe_speech_seconds_total{fate="heard"} 10',
        'roomscribe_speech_seconds_total{fate="sent"} 9',
        'roomscribe_speech_seconds_total{fate="acknowledged"} 8',
        'roomscribe_speech_seconds_total{fate="returned"} 7.5',
        'roomscribe_speech_lost_seconds_total{reason="ring_full"} 0.6',
        'roomscribe_speech_lost_seconds_total{reason="session_lost"} 0.4',
        'roomscribe_speech_waits_total 3',
        'roomscribe_speech_wait_seconds_total 0.7',
        'roomscribe_speech_longest_wait_seconds_bucket{le="0"} 1',
        'roomscribe_speech_longest_wait_seconds_bucket{le="0.5"} 2',
        'roomscribe_speech_longest_wait_seconds_count 2',
        'roomscribe_noisy_people_total 1',
        'roomscribe_audio_tick_late_seconds_bucket{le="0.001"} 1',
        'roomscribe_audio_tick_late_seconds_bucket{le="0.004"} 1',
        'roomscribe_audio_tick_late_seconds_bucket{le="0.006"} 2',
        'roomscribe_speech_sessions_opened_total{why="first"} 1',
        'roomscribe_speech_sessions_opened_total{why="roll"} 1',
        'roomscribe_speech_sessions_opened_total{why="recovery"} 0',
        'roomscribe_speech_sessions_ended_total{reason="done"} 1',
        'roomscribe_gaps_total{reason="ring_full"} 1',
        'roomscribe_tracks_subscribed 1',
        'roomscribe_tracks_over_capacity 7',
        'roomscribe_final_lag_seconds_bucket{le="0.5"} 1',
        'roomscribe_final_lag_seconds_bucket{le="0.75"} 2',
        'roomscribe_reconnects_total{of="speech"} 1',
        'roomscribe_reconnects_total{of="room"} 0',
      ]),
    )
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
    expect(messages).toEqual([
      'meeting began',
      'meeting began',
      'speech session opened',
      'speech session opened',
      'speech session ended',
      'somebody was not transcribed for a while',
      'receipt made',
      'meeting ended',
    ])
  })

  it('have metrics of their own: two sets do not meet', async () => {
    const [one, other] = [createMetrics({ process: false }), createMetrics({ process: false })]
    createEvents(one).overCapacity(3)
    expect((await one.text()).body).toContain('tracks_over_capacity 3')
    expect((await other.text()).body).toContain('tracks_over_capacity 0')
    expect((await other.text()).body).not.toContain('process_cpu')
  })

  it('never throw, whatever is counted and whoever logs', () => {
    const broken: Logger = {
      ...silentLogger,
      info: () => {
        throw new Error('disk full')
      },
      error: () => {
        throw new Error('disk full')
      },
    }
    const events = createEvents(createMetrics({ process: false }))
    expect(() => events.meetingBegan(broken)).not.toThrow()
    // a counter refuses to go down
    expect(() => events.receiptMade(silentLogger, { ...facts, noisyPeople: -1 })).not.toThrow()
    expect(() => createEvents(null).receiptMade(silentLogger, facts)).not.toThrow()
  })
})
