import { expect } from 'vitest'
import type { TrackKey } from '../../src/core/ids.js'
import type { Activity } from '../../src/live/audio/activity.js'
import { EnergyDetector } from '../../src/live/audio/voice/energy.js'
import type { BotOptions, BotOutcome } from '../../src/live/bot/bot.js'
import { MeetingBot } from '../../src/live/bot/meeting-bot.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { Segment } from '../../src/live/transcript/segment.js'
import type { MeetingRecord } from '../../src/records/port.js'
import { FakeRoom } from './fake-room.js'
import { FakeStt } from './fake-stt.js'
import { ManualClock } from './manual-clock.js'
import { MemoryStore } from './memory-store.js'

/** How the bots of these tests behave. */
export const BOT_OPTIONS: BotOptions = {
  policy: { joinForMs: 20_000, rejoinForMs: 60_000, aloneMs: 10_000, nobodyMs: 60_000, tooLongMs: 3_600_000 },
  botName: 'scribe',
  screenShareAudio: false,
  captions: true,
  channels: { max: 4, mode: 'fixed' },
  idleCloseMs: 300_000,
  drainMs: 5_000,
  vocabulary: ['Kubernetes'],
}

/** 50 ms of a loud tone. */
export const loud = (): Int16Array => Int16Array.from({ length: 800 }, (_, at) => (at % 40 < 20 ? 3_000 : -3_000))

/** One meeting of a bot whose room, speech service, store and clock are the test's. */
export class BotRig {
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly room = new FakeRoom()
  readonly stt = new FakeStt()
  readonly store = new MemoryStore(() => this.clock.nowMs())
  readonly stop = new AbortController()
  readonly segments: Segment[] = []
  readonly states: string[] = []
  readonly errors: string[] = []
  readonly activity: Activity[] = []
  /** each stored segment under the name that the observer was told then */
  readonly named: string[] = []
  meeting!: MeetingRecord
  outcome: BotOutcome | null = null
  #running: Promise<void> = Promise.resolve()

  async start(own: Partial<BotOptions> = {}): Promise<void> {
    const made = await this.store.create({
      room: 'r',
      title: null,
      language: 'en',
      vocabulary: ['Grafana'],
      slackChannel: null,
      startAt: null,
      endAt: null,
      botName: null,
    })
    this.meeting = made.meeting
    const claim = await this.store.claim(this.meeting.id)
    const { room, stt, store, clock } = this
    const bot = new MeetingBot(
      { room, stt, store, clock, logger: silentLogger, random: () => 0.5, detector: () => new EnergyDetector(200) },
      { ...BOT_OPTIONS, ...own },
      this.meeting,
      claim,
      {
        state: (state) => this.states.push(state),
        segment: (segment, nameOf) => {
          this.segments.push(segment)
          this.named.push(segment.identity === null ? '?' : nameOf(segment.identity))
        },
        error: (error) => this.errors.push(error.message),
        activity: (activity) => this.activity.push(activity),
      },
    )
    this.#running = bot.run(this.stop.signal).then((outcome) => {
      this.outcome = outcome
    })
    // told by `end`
    this.#running.catch(() => undefined)
    await this.clock.settle()
  }

  async speak(key: TrackKey, ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 50) {
      await this.clock.advance(50)
      this.room.connection.frame(key, loud(), this.clock.monotonicMs())
    }
    await this.clock.advance(20)
  }

  /** Lets what was asked for happen, and checks that nothing is left open. */
  async end(): Promise<BotOutcome> {
    for (let turn = 0; turn < 50 && this.outcome === null; turn++) await this.clock.advance(1_000)
    await this.#running
    expect(this.clock.pending).toBe(0)
    if (!this.outcome) throw new Error('the bot did not end')
    return this.outcome
  }
}
