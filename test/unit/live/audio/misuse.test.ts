import { beforeAll, describe, expect, test } from 'vitest'
import type { AudioTunables } from '../../../../src/live/audio/tunables.js'
import type { VoiceDetectorFactory } from '../../../../src/live/audio/voice/detector.js'
import { loadVoice } from '../../../../src/live/audio/voice/load.js'
import { scaled, seeded, turn } from '../../../support/marks-audio.js'
import { Party } from '../../../support/misuse-party.js'
import { BLOCK, RoomOfTracks, keyOf, who } from './room-of-tracks.js'

let detector: VoiceDetectorFactory

beforeAll(async () => {
  detector = await loadVoice()
})

type Stretches = readonly (readonly [number, number])[]

const NAMES = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay']

/** A turn every 12 s from `first` on. */
const turns = (first: number, until: number, turnMs: number): Stretches =>
  Array.from(
    { length: Math.ceil((until - 2000 - first) / 12_000) },
    (_, at) => [first + at * 12_000, first + at * 12_000 + turnMs] as const,
  )

/** Six people who take turns, each 1.8 s after the one before. */
function partyOf(until: number, max: number, turnMs: number, tunables: Partial<AudioTunables> = {}): Party {
  const party = new Party(new RoomOfTracks(tunables, 0, { detector, channels: { max, mode: 'fixed' } }))
  for (const [at, name] of NAMES.entries()) party.join(name, at, turns(1000 + at * 1800, until, turnMs))
  return party
}

/** Blocks of a signal, over and over. */
function looped(signal: Int16Array): () => Int16Array {
  let at = 0
  return () => {
    const block = signal.slice(at, at + BLOCK)
    at = at + 2 * BLOCK > signal.length ? 0 : at + BLOCK
    return block
  }
}

/** Plucked chords, four a second, and a melody on top: 16 s. */
function music(): Int16Array {
  const samples = new Float64Array(16 * 16_000)
  const pluck = (hz: number, atSec: number, level: number) => {
    for (let at = 0; at < 0.9 * 16_000; at++) {
      const place = Math.round(atSec * 16_000) + at
      if (place >= samples.length) return
      const decay = Math.exp(-at / 4000) * Math.min(1, at / 80)
      for (let partial = 1; partial <= 5; partial++)
        samples[place]! += ((level * decay) / partial) * Math.sin((2 * Math.PI * hz * partial * at) / 16_000)
    }
  }
  const roots = [220, 174.6, 261.6, 196]
  for (let beat = 0; beat < 64; beat++) {
    const root = roots[Math.floor(beat / 16)]!
    pluck([root, root * 1.26, root * 1.5, root * 2][beat % 4]!, beat / 4, 2500)
    if (beat % 2 === 0) pluck(root * [2, 2.25, 2.52, 3, 2.52, 2.25, 2, 1.5][(beat / 2) % 8]!, beat / 4, 3500)
  }
  return Int16Array.from(samples, (sample) => Math.round(sample))
}

/** An open microphone in a car: rumble, tyres and an engine at 2400 rpm: 8 s. */
function car(): Int16Array {
  const random = seeded(7)
  let rumble = 0
  let tyres = 0
  return Int16Array.from({ length: 8 * 16_000 }, (_, at) => {
    rumble += 0.01 * (random() - 0.5 - rumble)
    tyres += 0.3 * (random() - 0.5 - tyres)
    const engine = [40, 80, 120, 160].reduce((sum, hz, order) => sum + Math.sin((2 * Math.PI * hz * at) / 16_000) / (order + 1), 0)
    return Math.round(40_000 * rumble + 4000 * tyres + 700 * engine)
  })
}

const blocksSent = (room: RoomOfTracks): number => room.sink.sessions.reduce((sum, { blocks }) => sum + blocks.length, 0)

/** How long speech may wait for a channel beside one who never stops: as long as a hold that is in mid-speech may last. */
const LONGEST_WAIT_MS = 17_500

describe('a person who never stops', () => {
  const sounds: [string, string, () => Int16Array][] = [
    ['a voice without a pause', 'marked after a minute', () => turn(40, 0, 80)],
    ['music', 'marked after a minute', music],
    ['a car', 'marked, and never taken for a voice', car],
  ]
  test.each(sounds)('%s, twice: nobody else loses a word, and it is %s', (_name, _what, make) => {
    const party = partyOf(76_000, 4, 2000)
    const marked = () => ['noise', 'more'].map((name) => party.row(name).isNoisy)
    const sound = make()
    party.room.join('noise', looped(sound))
    party.room.join('more', looped(sound.slice(3 * BLOCK)))
    party.room.run(56_000)
    expect(marked()).toEqual([false, false])
    party.room.run(24_000)
    if (make === car) expect(['noise', 'more'].map((name) => party.row(name).heardMs)).toEqual([0, 0])
    expect(marked()).toEqual([true, true])
    for (const name of NAMES) {
      expect([name, party.row(name).isNoisy]).toEqual([name, false])
      expect(party.row(name).waits.maxMs).toBeLessThanOrEqual(LONGEST_WAIT_MS)
    }
    party.expectAllHeard()
  })

  test('who has been marked waits for others and not they for them; what is lost by that is theirs', () => {
    // both channels are taken by them until they are marked
    const party = partyOf(108_000, 2, 1000, { noisyMs: 20_000 })
    const sound = turn(40, 0, 80)
    const noisy = ['noise', 'more']
    party.room.join('noise', looped(sound))
    party.room.join('more', looped(sound.slice(3 * BLOCK)))
    party.room.run(36_000)
    for (const name of noisy) expect([name, party.row(name).isNoisy]).toEqual([name, true])
    const before = new Map(NAMES.map((name) => [name, party.row(name).waits]))
    party.room.run(72_000)
    for (const name of NAMES) {
      const { count, totalMs, maxMs } = party.row(name).waits
      const marked = { count: count - before.get(name)!.count, totalMs: totalMs - before.get(name)!.totalMs }
      expect(maxMs).toBeLessThanOrEqual(LONGEST_WAIT_MS)
      expect(marked.totalMs / marked.count).toBeLessThanOrEqual(3000)
    }
    for (const { identity } of party.room.sink.gaps) expect(noisy).toContain(identity)
    for (const name of noisy) {
      const { heardMs, sentVoiceMs, lostVoiceMs, waitingVoiceMs } = party.row(name)
      expect([name, sentVoiceMs + lostVoiceMs + waitingVoiceMs]).toEqual([name, heardMs])
    }
    party.expectAllHeard()
  })
})

describe('a microphone that is not in order', () => {
  test('22 mute toggled 50 times a second: nobody else loses a word, and nothing piles up', () => {
    const party = partyOf(40_000, 4, 2000)
    const key = keyOf('toggler')
    const signal = looped(turn(40, 0, 80))
    party.room.join('toggler', signal)
    for (let step = 0; step < 4000; step++) {
      if (step % 4 === 0) party.room.plane.trackEnded(key, party.room.nowMs, true)
      if (step % 4 === 2) party.room.plane.trackStarted({ key, identity: who('toggler') }, party.room.nowMs)
      party.room.run(10)
    }
    party.room.run(4000)
    const { heardMs, sentVoiceMs, lostVoiceMs, waitingVoiceMs, presentMs } = party.row('toggler')
    expect(sentVoiceMs + lostVoiceMs + waitingVoiceMs).toBe(heardMs)
    expect(presentMs).toBeGreaterThanOrEqual(20_000)
    expect(presentMs).toBeLessThanOrEqual(44_000)
    // at most a span for each time it came on
    expect(party.room.sink.spansOf('toggler').length).toBeLessThanOrEqual(1002)
    expect(party.room.sink.sessions.length).toBeLessThanOrEqual(2)
    party.expectAllHeard()
  })

  test('silence with a constant offset takes no channel, and speech on top of one is heard whole', () => {
    const party = partyOf(40_000, 4, 2000)
    const offset = new Int16Array(BLOCK).fill(3000)
    party.room.join('offset', () => offset.slice())
    party.room.join('negative', () => offset.map((sample) => -2 * sample))
    party.join('gus', 20, turns(1600, 40_000, 2000), (block) => block.map((sample) => Math.min(32_767, sample + 3000)))
    party.room.run(44_000)
    for (const name of ['offset', 'negative']) {
      expect(party.row(name)).toMatchObject({ heardMs: 0, sentVoiceMs: 0, isNoisy: false })
    }
    expect(party.row('gus').heardMs).toBeGreaterThanOrEqual(8000)
    party.expectAllHeard()
  })

  test('speech that clips is heard whole, and so is everybody beside it', () => {
    const party = partyOf(40_000, 4, 2000)
    party.join('gus', 20, turns(1600, 40_000, 2000), (block) => scaled(block, 8))
    party.room.run(44_000)
    expect(party.row('gus').isNoisy).toBe(false)
    party.expectAllHeard()
  })

  test.each([
    ['before it is reported', false],
    ['after it was reported', true],
  ])('frames that come in bursts after a stall of 2 s, %s: nothing is lost, of nobody', (_name, isReported) => {
    const party = partyOf(40_000, 4, 2000)
    const { room } = party
    party.join('gus', 20, turns(1600, 40_000, 3000))
    for (let burst = 0; burst < 10; burst++) {
      party.hold('gus')
      const before = blocksSent(room)
      room.run(2000)
      // once the session is open, nobody waits for them longer than the grace time
      if (burst > 0) expect(blocksSent(room) - before).toBeGreaterThanOrEqual(30)
      if (isReported) room.plane.trackStalled(keyOf('gus'), room.nowMs)
      room.run(50)
      party.letGo('gus')
      if (isReported) room.plane.trackResumed(keyOf('gus'), room.nowMs)
      room.run(2000)
    }
    room.run(4000)
    // a stall that was reported is a doubt (A12), although its audio came after all; everybody else is free of it
    expect(room.sink.gaps.filter(({ identity }) => !isReported || identity !== who('gus'))).toEqual([])
    party.expectAllHeard(150)
  })
})
