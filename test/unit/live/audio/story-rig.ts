import * as fc from 'fast-check'
import type { SessionId } from '../../../../src/core/ids.js'
import { channelOf } from '../../../../src/live/audio/interleave.js'
import { AudioPlane, type AudioPlaneOptions } from '../../../../src/live/audio/plane.js'
import type { AudioTunables } from '../../../../src/live/audio/tunables.js'
import { UnsureDetector } from '../../../support/unsure-detector.js'
import { KeepingSink, keyOf, who } from './room-of-tracks.js'

/** Blocks are short here (10 samples stand for 50 ms), so that thousands of them are quick. */
export const SAMPLES = 10
export const SMALL: Partial<AudioTunables> = {
  blockSamples: SAMPLES,
  sampleRate: SAMPLES * 20,
  ringBlocks: 60,
  holdDeadlineMs: 2000,
  holdLimitMs: 3000,
  maxSessionMs: 20_000,
}
const NAMES = Array.from({ length: 11 }, (_, index) => `p${index}`)

export type Step =
  | { kind: 'run'; blocks: number; jitterMs: number }
  | { kind: 'join' | 'leave' | 'mute' | 'unpublish' | 'stall' | 'resume'; person: number }
  | { kind: 'talk'; person: number; talk: number; pause: number }
  | { kind: 'lose'; person: number; blocks: number }
  | { kind: 'freeze'; ms: number; tickFirst: boolean }
  | { kind: 'die'; session: number }

const person = fc.nat(NAMES.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      blocks: fc.integer({ min: 1, max: 60 }),
      jitterMs: fc.constantFrom(0, 0, 20, 120),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'join' as const,
        'join' as const,
        'leave' as const,
        'mute' as const,
        'unpublish' as const,
        'stall' as const,
        'resume' as const,
      ),
      person,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('talk' as const), person, talk: fc.nat(60), pause: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), person, blocks: fc.integer({ min: 1, max: 30 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('freeze' as const), ms: fc.integer({ min: 100, max: 6000 }), tickFirst: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), session: fc.nat(3) }) },
)

/** seed of detectors that take their time, and may find that it was noise; null: loud is voice, at once */
export const unsure: fc.Arbitrary<number | null> = fc.option(fc.nat(999))

const storyOf = (steps: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { maxLength: NAMES.length, size: 'max' }),
      fc.array(steps, { minLength: 5, maxLength: 60, size: 'max' }),
    )
    .map(([people, more]) => [
      ...people.flatMap(([said, pause], index): Step[] => [
        { kind: 'join', person: index },
        { kind: 'talk', person: index, talk: said, pause },
      ]),
      ...more,
    ])

/** Some people are there from the start and talk; the rest happens. */
export const story = storyOf(step)

/** Nobody goes, and nothing breaks. */
export const calmStory = storyOf(step.filter(({ kind }) => kind === 'run' || kind === 'join' || kind === 'talk'))

export interface Pushed {
  readonly mark: number
  readonly isLoud: boolean
}

/** People with marked blocks, doing what the steps say; remembers what they delivered. */
export class Rig {
  readonly sink = new KeepingSink()
  readonly plane: AudioPlane
  readonly pushed = new Map<string, Pushed[]>()
  readonly died = new Set<SessionId>()
  nowMs = 1000
  #mark = 0
  readonly #people = new Map<string, { nextMs: number; isOn: boolean; talk: number; pause: number; count: number; lose: number }>()
  /** of each person, one after the other */
  readonly #detectors = new Map<string, UnsureDetector[]>()
  #joining = ''

  /** @param seed see `unsure` */
  constructor(seed: number | null, options: Partial<AudioPlaneOptions> = {}) {
    const detector = () => this.#detectorOf(this.#joining, seed ?? 0)
    this.plane = new AudioPlane({ meetingStartMs: 1000, tunables: SMALL, ...(seed !== null && { detector }), ...options }, this.sink)
  }

  /** The blocks that were loud; of these, where the detector is not sure at once, those that it found to be voice. */
  voicedOf(name: string): Pushed[] {
    const pushed = (this.pushed.get(name) ?? []).filter((block) => block.isLoud)
    const detectors = this.#detectors.get(name)
    return detectors ? pushed.filter(({ mark }) => detectors.some(({ voiced }) => voiced.has(mark))) : pushed
  }

  apply(one: Step): void {
    if (one.kind === 'run') {
      for (let ms = 0; ms < one.blocks * 50; ms += 10) this.#pass(10, one.jitterMs)
    } else if (one.kind === 'freeze') {
      this.nowMs += one.ms
      if (one.tickFirst) this.plane.tick(this.nowMs)
      this.#deliver(0)
    } else if (one.kind === 'die') {
      const session = this.sink.live[one.session]
      if (!session) return
      // nothing is sent to a dead one: the sink would throw
      session.isFinished = true
      this.died.add(session.sessionId)
      this.plane.sessionEnded(session.sessionId, this.nowMs)
    } else this.#personDoes(NAMES[one.person]!, one)
  }

  finish(): void {
    for (const name of this.#people.keys()) this.#ended(name)
    this.plane.finish(this.nowMs)
  }

  #detectorOf(name: string, seed: number): UnsureDetector {
    const detector = new UnsureDetector(seed)
    this.#detectors.set(name, [...(this.#detectors.get(name) ?? []), detector])
    return detector
  }

  #ended(name: string): void {
    for (const detector of this.#detectors.get(name) ?? []) detector.ended()
  }

  #personDoes(name: string, one: Exclude<Step, { kind: 'run' | 'freeze' | 'die' }>): void {
    const known = this.#people.get(name)
    if (one.kind === 'join') {
      if (known?.isOn) return
      this.#joining = name
      this.plane.trackStarted({ key: keyOf(name), identity: who(name) }, this.nowMs)
      this.#people.set(name, { talk: 10, pause: 10, count: 0, lose: 0, ...known, nextMs: this.nowMs + 50, isOn: true })
      return
    }
    if (!known) return
    if (one.kind === 'talk') Object.assign(known, { talk: one.talk, pause: one.pause })
    else if (one.kind === 'lose') known.lose = one.blocks
    else if (one.kind === 'stall') this.plane.trackStalled(keyOf(name), this.nowMs)
    else if (one.kind === 'resume') this.plane.trackResumed(keyOf(name), this.nowMs)
    else {
      known.isOn = false
      this.#ended(name)
      if (one.kind === 'leave') this.plane.personLeft(who(name), this.nowMs)
      else this.plane.trackEnded(keyOf(name), this.nowMs, one.kind === 'mute')
    }
  }

  #pass(ms: number, jitterMs: number): void {
    this.nowMs += ms
    this.#deliver(jitterMs)
    if (this.nowMs % 20 === 0) this.plane.tick(this.nowMs)
  }

  #deliver(jitterMs: number): void {
    for (const [name, one] of this.#people) {
      // late by an amount that depends on the block, so that a seed replays
      for (; one.isOn && one.nextMs + (jitterMs * ((one.count * 7) % 10)) / 10 <= this.nowMs; one.nextMs += 50) {
        const isLoud = one.talk > 0 && one.count++ % (one.talk + one.pause) < one.talk
        if (one.lose > 0) {
          one.lose--
          continue
        }
        const mark = (++this.#mark % 30_000) + 1
        const samples = new Int16Array(SAMPLES)
        if (isLoud) samples.fill(-1000)
        samples[0] = isLoud ? mark : 1
        samples[1] = isLoud ? -1000 : 0
        const all = this.pushed.get(name) ?? []
        this.pushed.set(name, all)
        all.push({ mark, isLoud })
        this.plane.frame(keyOf(name), samples, this.nowMs)
      }
    }
  }
}

/** Loud blocks of a person in the order of sending, of whichever session. */
export function loudOf(sink: KeepingSink, name: string): { turn: number; mark: number; sessionId: SessionId; channel: number }[] {
  const voice = sink.spansOf(name).flatMap(({ sessionId, channel, fromFrame, toFrame }) => {
    const { blocks, turns, channels } = sink.session(sessionId)
    const found = []
    for (let number = fromFrame / SAMPLES; number < toFrame / SAMPLES; number++) {
      const samples = channelOf(blocks[number]!, channel, channels)
      if (samples[1] !== 0) found.push({ turn: turns[number]!, mark: samples[0]!, sessionId, channel })
    }
    return found
  })
  return voice.toSorted((a, b) => a.turn - b.turn)
}

export const join = (...people: number[]): Step[] => people.map((one) => ({ kind: 'join', person: one }))
export const talk = (talkBlocks: number, pause: number, ...people: number[]): Step[] =>
  people.map((one) => ({ kind: 'talk', person: one, talk: talkBlocks, pause }))
export const run = (blocks: number): Step => ({ kind: 'run', blocks, jitterMs: 0 })
export const freeze = (ms: number): Step => ({ kind: 'freeze', ms, tickFirst: false })
export const die = (session: number): Step => ({ kind: 'die', session })
