import { describe, expect, test } from 'vitest'
import { deferred, type Deferred } from '../../../../src/core/deferred.js'
import { play, type Player } from '../../../../src/standins/actors/play.js'
import { playEventSchema, playVerdict, type PlayEvent, type PlayHealth } from '../../../../src/standins/actors/play-event.js'
import { expectedMarks, type Script } from '../../../../src/standins/actors/script.js'
import { ManualClock } from '../../../support/manual-clock.js'

/** An actor without a room. Everything happens at once, unless `joining` holds it. */
class FakePlayer implements Player {
  readonly calls: string[] = []
  isPublished = false
  joining: Deferred | undefined
  refuses = new Set<string>()
  readonly #clock: ManualClock
  #stop: (() => void) | undefined

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  async join(): Promise<void> {
    this.#call('join')
    await this.joining?.promise
  }
  async publish(): Promise<void> {
    this.#call('publish')
    this.isPublished = true
    await Promise.resolve()
  }
  async republish(): Promise<void> {
    this.#call('republish')
    await Promise.resolve()
  }
  async unpublish(): Promise<void> {
    this.#call('unpublish')
    this.isPublished = false
    await Promise.resolve()
  }
  mute(): void {
    this.#call('mute')
  }
  unmute(): void {
    this.#call('unmute')
  }
  async rename(name: string): Promise<void> {
    this.#call(`rename ${name}`)
    await Promise.resolve()
  }
  async leave(): Promise<void> {
    this.#call('leave')
    this.isPublished = false
    this.#stop?.()
    await Promise.resolve()
  }
  async speakClip(samples: Int16Array) {
    this.#call(`clip ${samples.length}`)
    const startedMs = this.#clock.monotonicMs()
    const stopped = deferred()
    this.#stop = stopped.resolve
    const stop = new AbortController()
    const slept = this.#clock.sleep(samples.length / 16, stop.signal).then(
      () => true,
      () => false,
    )
    const isComplete = await Promise.race([slept, stopped.promise.then(() => false)])
    stop.abort()
    return { startedMs, endedMs: this.#clock.monotonicMs(), isComplete, underrunMs: 0 }
  }
  speakMark(samples: Int16Array): void {
    this.#call(`mark ${samples[0]}:${samples[1]}`)
  }

  #call(what: string): void {
    const verb = what.split(' ')[0] ?? ''
    if (this.refuses.has(verb)) throw new Error(`no ${verb}`)
    this.calls.push(`${this.#clock.monotonicMs()} ${what}`)
  }
}

const cast = [
  { identity: 'anna', name: 'Anna', who: 3, voice: 'rms' as const },
  { identity: 'ben', name: 'Ben', who: 7, voice: 'awb' as const },
]

/** Plays on a clock that the test moves. T0 is at 300 ms. */
function start(
  steps: Script['steps'],
  change: { hold?: (signal: AbortSignal) => Promise<number | undefined>; prepare?: (ben: FakePlayer) => void; lengthMs?: number } = {},
) {
  const clock = new ManualClock()
  const events: PlayEvent[] = []
  const players = new Map(cast.map(({ identity }) => [identity, new FakePlayer(clock)]))
  const player = (identity: string) => players.get(identity) as FakePlayer
  change.prepare?.(player('ben'))
  const ending = new AbortController()
  const result = play({
    script: { cast, steps, ...(change.lengthMs === undefined ? {} : { lengthMs: change.lengthMs }) },
    player: ({ identity }) => player(identity),
    clip: (text) => Promise.resolve(new Int16Array(text.length * 160)),
    mark: (who, n) => Int16Array.of(who, n),
    onEvent: (event) => events.push(playEventSchema.parse(event)),
    ...(change.hold ? { hold: change.hold } : {}),
    clock,
    signal: ending.signal,
  })
  result.catch(() => undefined)
  const kinds = (kind: PlayEvent['kind']) => events.filter((event) => event.kind === kind)
  /** everything that can happen at once happens before the clock moves */
  const advance = async (ms: number) => {
    await clock.settle()
    await clock.advance(ms)
  }
  return { clock, advance, events, kinds, result, ending, anna: player('anna'), ben: player('ben') }
}

test('marks of slot n are handed over 100 ms before it begins, and match the expectation', async () => {
  const steps: Script['steps'] = [
    { atMs: 200, actor: 'anna', do: 'marks', slots: 3 },
    { atMs: 400, actor: 'anna', do: 'mute' },
    { atMs: 600, actor: 'anna', do: 'unmute' },
  ]
  const run = start(steps)
  await run.advance(5_000)
  await run.result
  // the mute of a slot comes before the mark of that slot; the last slot ends at T0 + 800, and 500 ms later everybody leaves
  expect(run.anna.calls).toEqual([
    '0 join',
    '0 publish',
    '400 mark 3:1',
    '600 mute',
    '600 mark 3:2',
    '800 unmute',
    '800 mark 3:3',
    '1600 leave',
    '1600 leave',
  ])
  expect(run.kinds('mark').map((event) => (event.kind === 'mark' ? { who: event.who, n: event.n, isHeard: event.isHeard } : null))).toEqual(
    expectedMarks({ cast, steps }),
  )
})

test('T0 waits for whoever holds it', async () => {
  const go = deferred<undefined>()
  const run = start([{ atMs: 0, actor: 'anna', do: 'marks', slots: 1 }], { hold: () => go.promise })
  await run.advance(10_000)
  expect(run.events.map(({ kind }) => kind)).toEqual(['ready'])
  go.resolve(undefined)
  await run.advance(1_000)
  expect(run.events[1]).toEqual({ kind: 'started', t0Ms: 10_300 })
  expect((await run.result).skippedMarks).toBe(0)
})

test('T0 is the moment that the holder names, so that several processes share it', async () => {
  const run = start([{ atMs: 0, actor: 'anna', do: 'marks', slots: 1 }], { hold: () => Promise.resolve(2_000) })
  await run.advance(5_000)
  expect(run.events[1]).toEqual({ kind: 'started', t0Ms: 2_000 })
  expect(run.anna.calls).toContain('1900 mark 3:0')
})

test('a mute may come in mid-slot, after the mark of it was handed over; the unmute waits for it', async () => {
  const steps: Script['steps'] = [
    { atMs: 0, actor: 'anna', do: 'marks', slots: 3 },
    { atMs: 200, actor: 'anna', do: 'mute', inSlotMs: 70 },
    { atMs: 400, actor: 'anna', do: 'unmute' },
  ]
  const run = start(steps)
  await run.advance(5_000)
  const marks = run.kinds('mark').map((event) => (event.kind === 'mark' ? [event.n, event.isHeard] : []))
  expect(marks).toEqual([
    [0, true],
    [1, false],
    [2, true],
  ])
  expect(run.anna.calls.slice(2, 7)).toEqual(['200 mark 3:0', '400 mark 3:1', '470 mute', '600 unmute', '600 mark 3:2'])
})

test('nobody leaves before the length of the script', async () => {
  const run = start([{ atMs: 0, actor: 'anna', do: 'marks', slots: 1 }], { lengthMs: 4_000 })
  await run.advance(9_000)
  await run.result
  expect(run.anna.calls).toContain('4800 leave')
  expect(run.ben.calls).toContain('4800 leave')
})

test('a text waits until the same person has finished the last one, and others do not', async () => {
  const run = start([
    { atMs: 0, actor: 'anna', do: 'say', text: 'x'.repeat(100) },
    { atMs: 200, actor: 'anna', do: 'say', text: 'y'.repeat(10) },
    { atMs: 200, actor: 'ben', do: 'say', text: 'z'.repeat(10) },
  ])
  await run.advance(5_000)
  await run.result
  const said = run.kinds('said').map((event) => (event.kind === 'said' ? [event.identity, event.startedMs, event.endedMs] : []))
  expect(said).toEqual([
    ['ben', 400, 500],
    ['anna', 200, 1_200],
    ['anna', 1_200, 1_300],
  ])
})

test('marks of somebody who is still joining are reported as skipped, not as spoken', async () => {
  const joining = deferred()
  const run = start(
    [
      { atMs: 0, actor: 'ben', do: 'join' },
      { atMs: 200, actor: 'ben', do: 'marks', slots: 2 },
    ],
    {
      prepare: (ben) => {
        ben.joining = joining
      },
    },
  )
  await run.advance(500)
  joining.resolve()
  await run.advance(1_000)
  expect((await run.result).skippedMarks).toBe(1)
  expect(run.kinds('skipped')).toEqual([{ kind: 'skipped', who: 7, n: 1, why: 'joining' }])
  expect(run.kinds('mark')).toMatchObject([{ n: 2 }])
})

test('three people join at a time, the next one when one of them is in', async () => {
  const clock = new ManualClock()
  const players = Array.from({ length: 5 }, () => new FakePlayer(clock))
  const gates = players.map((player) => (player.joining = deferred()))
  const ending = new AbortController()
  const people = players.map((_, who) => ({ identity: `p${who}`, name: 'P', who, voice: 'rms' as const }))
  const result = play({
    script: { cast: people, steps: people.map(({ identity }) => ({ atMs: 0, actor: identity, do: 'join' as const })) },
    player: ({ who }) => players[who] as FakePlayer,
    clip: () => Promise.resolve(new Int16Array(0)),
    mark: () => new Int16Array(0),
    onEvent: () => undefined,
    clock,
    signal: ending.signal,
  })
  const joining = () => players.filter(({ calls }) => calls.some((call) => call.endsWith(' join'))).length
  await clock.settle()
  await clock.advance(1_000)
  expect(joining()).toBe(3)
  gates[1]?.resolve()
  await clock.settle()
  expect(joining()).toBe(4)
  for (const gate of gates) gate.resolve()
  await clock.settle()
  await clock.advance(5_000)
  expect((await result).failures).toBe(0)
  expect(joining()).toBe(5)
})

test('a slot that is begun more than 200 ms late is skipped, and the lateness is told', async () => {
  const run = start([{ atMs: 0, actor: 'anna', do: 'marks', slots: 5 }])
  // the process stalls: the clock jumps while the loop sleeps
  await run.clock.settle()
  run.clock.monotonicMs = () => run.clock.nowMs() + 450
  await run.advance(3_000)
  const health = await run.result
  expect(health.worstLatenessMs).toBe(450)
  expect(run.kinds('skipped')).toMatchObject([
    { n: 0, why: 'late' },
    { n: 1, why: 'late' },
  ])
  expect(playVerdict(health)).toBe('no_timing')
})

test('a step that fails is reported and counted, and the play goes on', async () => {
  const run = start(
    [
      { atMs: 0, actor: 'ben', do: 'rename', name: 'Benjamin' },
      { atMs: 200, actor: 'ben', do: 'marks', slots: 1 },
    ],
    { prepare: (ben) => ben.refuses.add('rename') },
  )
  await run.advance(3_000)
  const health = await run.result
  expect(health.failures).toBe(1)
  expect(run.kinds('failed')).toEqual([{ kind: 'failed', identity: 'ben', do: 'rename', message: 'no rename' }])
  expect(run.kinds('mark')).toHaveLength(1)
  expect(playVerdict(health)).toBe('invalid')
})

test('when the signal aborts, everybody leaves and what was being said is incomplete', async () => {
  const run = start([{ atMs: 0, actor: 'anna', do: 'say', text: 'x'.repeat(500) }])
  await run.advance(1_000)
  run.ending.abort(new Error('enough'))
  await expect(run.result).rejects.toThrow('enough')
  expect(run.kinds('said')).toMatchObject([{ isComplete: false, startedMs: 200 }])
  // how late it was so far is told all the same
  expect(run.events.at(-1)).toMatchObject({ kind: 'ended', isPlayed: false, health: { failures: 0 } })
  expect(run.anna.calls.at(-1)).toMatch(/leave$/)
  expect(run.ben.calls.at(-1)).toMatch(/leave$/)
  expect(run.clock.pending).toBe(0)
})

test('when somebody of the opening cannot join, everybody else leaves', async () => {
  const run = start([], { prepare: (ben) => ben.refuses.add('join') })
  await expect(run.result).rejects.toThrow('no join')
  expect(run.anna.calls.at(-1)).toMatch(/leave$/)
})

describe('what a run may be used for', () => {
  const good: PlayHealth = { worstLatenessMs: 20, worstUnderrunMs: 0, worstLoopDelayMs: 100, skippedMarks: 3, failures: 0 }
  test.each([
    [{}, 'valid'],
    [{ worstLoopDelayMs: 101 }, 'no_timing'],
    [{ worstUnderrunMs: 500 }, 'no_timing'],
    [{ worstLatenessMs: 501 }, 'invalid'],
    [{ failures: 1 }, 'invalid'],
  ] as const)('%j is %s', (change, verdict) => {
    expect(playVerdict({ ...good, ...change })).toBe(verdict)
  })
})
