import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionId } from '../../../../src/core/ids.js'
import { AudioPlane } from '../../../../src/live/audio/plane.js'
import type { AudioTunables } from '../../../../src/live/audio/tunables.js'
import { channelOf } from '../../../../src/live/audio/interleave.js'
import { KeepingSink, keyOf, who } from './room-of-tracks.js'

/** Blocks are short here (10 samples stand for 50 ms), so that thousands of them are quick. */
const SAMPLES = 10
const SMALL: Partial<AudioTunables> = {
  blockSamples: SAMPLES,
  sampleRate: SAMPLES * 20,
  ringBlocks: 60,
  holdDeadlineMs: 2000,
  holdLimitMs: 3000,
  maxSessionMs: 20_000,
}
const NAMES = Array.from({ length: 11 }, (_, index) => `p${index}`)

type Step =
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

/** Some people are there from the start and talk; the rest happens. */
const story: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { maxLength: NAMES.length, size: 'max' }),
    fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
  )
  .map(([people, steps]) => [
    ...people.flatMap(([talk, pause], index): Step[] => [
      { kind: 'join', person: index },
      { kind: 'talk', person: index, talk, pause },
    ]),
    ...steps,
  ])

interface Pushed {
  readonly mark: number
  readonly isVoiced: boolean
}

/** People with marked blocks, doing what the steps say; remembers what they delivered. */
class Rig {
  readonly sink = new KeepingSink()
  readonly plane = new AudioPlane({ meetingStartMs: 1000, tunables: SMALL }, this.sink)
  readonly pushed = new Map<string, Pushed[]>()
  readonly died = new Set<SessionId>()
  nowMs = 1000
  #mark = 0
  readonly #people = new Map<string, { nextMs: number; isOn: boolean; talk: number; pause: number; count: number; lose: number }>()

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
    this.plane.finish(this.nowMs)
  }

  #personDoes(name: string, one: Exclude<Step, { kind: 'run' | 'freeze' | 'die' }>): void {
    const known = this.#people.get(name)
    if (one.kind === 'join') {
      if (known?.isOn) return
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
        const isVoiced = one.talk > 0 && one.count++ % (one.talk + one.pause) < one.talk
        if (one.lose > 0) {
          one.lose--
          continue
        }
        const mark = (++this.#mark % 30_000) + 1
        const samples = new Int16Array(SAMPLES)
        if (isVoiced) samples.fill(-1000)
        samples[0] = isVoiced ? mark : 1
        samples[1] = isVoiced ? -1000 : 0
        const all = this.pushed.get(name) ?? []
        this.pushed.set(name, all)
        all.push({ mark, isVoiced })
        this.plane.frame(keyOf(name), samples, this.nowMs)
      }
    }
  }
}

/** What came out for each person, in the order of sending: by way of the spans, as whoever reads the service's answers would. */
function sentBy(sink: KeepingSink): Map<string, number[]> {
  const sent = new Map<string, number[]>()
  const owners = new Map<string, string>()
  for (const span of sink.spans.values()) {
    const { blocks, channels } = sink.session(span.sessionId)
    for (let frame = span.fromFrame; frame < span.toFrame; frame += SAMPLES) {
      const place = `${span.sessionId}/${span.channel}/${frame}`
      if (owners.has(place)) throw new Error(`two spans at ${place}`)
      owners.set(place, span.identity)
      const samples = channelOf(blocks[frame / SAMPLES]!, span.channel, channels)
      if (samples[1] === 0) continue
      const all = sent.get(span.identity) ?? []
      sent.set(span.identity, all)
      all.push(samples[0]!)
    }
  }
  for (const session of sink.sessions) {
    for (const [number, block] of session.blocks.entries()) {
      for (let channel = 0; channel < session.channels; channel++) {
        const isVoice = channelOf(block, channel, session.channels)[1] !== 0
        if (isVoice && !owners.has(`${session.sessionId}/${channel}/${number * SAMPLES}`)) throw new Error('voice outside of every span')
      }
    }
  }
  return sent
}

function isSubsequence(part: readonly number[], whole: readonly number[]): boolean {
  let at = 0
  for (const mark of part) {
    at = whole.indexOf(mark, at) + 1
    if (at === 0) return false
  }
  return true
}

/** Tells a whole story and looks at what came of everybody's blocks. */
function expectConserved(steps: readonly Step[]): void {
  const rig = new Rig()
  for (const one of steps) rig.apply(one)
  const during = rig.plane.coverageInput()
  for (const row of during) expect(row.heardMs).toBe(row.sentVoiceMs + row.lostVoiceMs + row.waitingVoiceMs)
  rig.finish()
  const sent = sentBy(rig.sink)
  for (const row of rig.plane.coverageInput()) {
    const pushed = (rig.pushed.get(row.identity) ?? []).filter((block) => block.isVoiced).map((block) => block.mark)
    const mine = sent.get(row.identity) ?? []
    expect(row.heardMs).toBe(pushed.length * 50)
    expect(row.waitingVoiceMs).toBe(0)
    expect(row.sentVoiceMs).toBe(mine.length * 50)
    expect(new Set(mine).size).toBe(mine.length)
    expect(row.lostVoiceMs).toBe((pushed.length - mine.length) * 50)
    expect(row.voicedRuns.reduce((sum, run) => sum + (run.toFrame - run.fromFrame) / SAMPLES, 0)).toBe(mine.length)
    const gapMs = rig.sink.gaps
      .filter((gap) => gap.identity === row.identity && gap.reason !== 'not_received')
      .reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
    // a track whose first frames were queued behind a stall is dated anew as they come in: what it lost meanwhile overlaps
    if (steps.every((one) => one.kind !== 'freeze')) expect(gapMs).toBeGreaterThanOrEqual(row.lostVoiceMs)
    expect(gapMs > 0).toBe(row.lostVoiceMs > 0)
  }
  for (const [name, blocks] of rig.pushed) expectInOrder(rig, name, blocks)
  expect(rig.sink.live).toEqual([])
  for (const session of rig.sink.sessions) expect([2, 4, 8]).toContain(session.channels)
}

/** A track's blocks were sent in order, and it never went back to an older session while the newer one lived. */
function expectInOrder(rig: Rig, name: string, blocks: readonly Pushed[]): void {
  const sent = voiceOf(rig.sink, name)
  const [part, whole] = [sent, blocks].map((some) => some.map((one) => one.mark))
  expect(isSubsequence(part!, whole!)).toBe(true)
  const rank = new Map(rig.sink.sessions.map((session, index) => [session.sessionId, index]))
  const wentBack = sent.filter(({ sessionId }, at) => {
    const before = sent[at - 1]?.sessionId ?? sessionId
    return rank.get(before)! > rank.get(sessionId)! && !rig.died.has(before)
  })
  expect(wentBack).toEqual([])
}

/** Voiced blocks of a person in the order of sending, of whichever session. */
function voiceOf(sink: KeepingSink, name: string): { turn: number; mark: number; sessionId: SessionId }[] {
  const voice = sink.spansOf(name).flatMap(({ sessionId, channel, fromFrame, toFrame }) => {
    const { blocks, turns, channels } = sink.session(sessionId)
    const found = []
    for (let number = fromFrame / SAMPLES; number < toFrame / SAMPLES; number++) {
      const samples = channelOf(blocks[number]!, channel, channels)
      if (samples[1] !== 0) found.push({ turn: turns[number]!, mark: samples[0]!, sessionId })
    }
    return found
  })
  return voice.toSorted((a, b) => a.turn - b.turn)
}

test('A13 every voiced block is sent once, in one span, or in a gap; per track in order; one owner a frame', () => {
  fc.assert(fc.property(story, expectConserved), { numRuns: 40 })
})

const join = (...people: number[]): Step[] => people.map((one) => ({ kind: 'join', person: one }))
const talk = (talkBlocks: number, pause: number, ...people: number[]): Step[] =>
  people.map((one) => ({ kind: 'talk', person: one, talk: talkBlocks, pause }))
const run = (blocks: number): Step => ({ kind: 'run', blocks, jitterMs: 0 })
const freeze = (ms: number): Step => ({ kind: 'freeze', ms, tickFirst: false })
const die = (session: number): Step => ({ kind: 'die', session })

// a story that the property found: p5 has spoken in the new session of a roll and waits for a channel of it at the end
test('A13 who waits without a channel when a roll is cut short by the end does not go back to the old session', () => {
  expectConserved([
    ...join(0),
    ...talk(0, 0, 0),
    ...join(1),
    ...talk(1, 0, 1),
    ...join(2),
    run(107),
    ...talk(1, 6, 0),
    run(44),
    ...join(5),
    freeze(5880),
    run(39),
    freeze(2650),
    ...join(4),
    run(42),
    die(1),
    ...join(3),
    run(8),
    ...talk(0, 0, 0),
    run(2),
  ])
})

test('A10 A13 when the new session of a roll dies while nobody sits there, the old one takes who speaks next, in order', () => {
  expectConserved([
    ...join(0, 1),
    ...talk(1, 0, 0, 1),
    run(40),
    ...join(2, 3, 4, 5),
    ...talk(1, 0, 2, 3, 4, 5),
    ...talk(0, 0, 1),
    run(2),
    ...talk(0, 0, 2, 3, 4, 5),
    run(6),
    ...talk(1, 0, 1),
    run(2),
    ...talk(0, 0, 1),
    run(27),
    die(1),
    ...talk(1, 0, 1),
    run(8),
  ])
})

test('A13 the same calls give the same blocks, spans and gaps', () => {
  fc.assert(
    fc.property(story, (steps) => {
      const [one, two] = [new Rig(), new Rig()]
      for (const rig of [one, two]) {
        for (const each of steps) rig.apply(each)
        rig.finish()
      }
      expect(two.sink).toEqual(one.sink)
    }),
    { numRuns: 10 },
  )
})

test('A6 two sessions at most are open at a time', () => {
  fc.assert(
    fc.property(story, (steps) => {
      const rig = new Rig()
      for (const each of steps) {
        rig.apply(each)
        expect(rig.sink.live.length).toBeLessThanOrEqual(2)
      }
    }),
    { numRuns: 20 },
  )
})
