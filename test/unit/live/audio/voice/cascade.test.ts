import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VOICE_TUNABLES } from '../../../../../src/live/audio/voice/staged.js'
import { Cascade, type CascadeRules, type LaterStages } from '../../../../../src/live/audio/voice/cascade.js'

const RULES: CascadeRules = {
  doubtBlocks: 3,
  lookBlocks: 2,
  holdBlocks: 4,
  louder: 2,
  firstWaitBlocks: 4,
  longestWaitBlocks: 16,
  sternRun: 2,
  forgiveBlocks: 20,
}

/** `.` not active; `a` active, `v` active and voiced, `s` voiced, and speech to the third stage. Upper case is ten times as loud. */
type Sound = '.' | 'a' | 'v' | 's' | 'V' | 'S'

/** Stages that read a script, and write down what they were asked. */
class ScriptedStages implements LaterStages {
  readonly cascade: Cascade
  listened = 0
  askedTwice = false
  askedInSilence = false
  readonly #goesOn: boolean[] = []
  #sound: Sound = '.'
  #askedVoiced = false
  #askedSpeech = false

  constructor(rules: Partial<CascadeRules> = {}) {
    this.cascade = new Cascade({ ...RULES, ...rules }, this)
  }

  /** whether each question to the third stage followed one about the block before */
  get goesOn(): readonly boolean[] {
    return this.#goesOn
  }

  isVoiced(): boolean {
    this.askedTwice ||= this.#askedVoiced
    this.askedInSilence ||= this.#sound === '.'
    this.#askedVoiced = true
    return 'vsVS'.includes(this.#sound)
  }

  isSpeech(goesOn: boolean): boolean {
    this.askedTwice ||= this.#askedSpeech
    this.askedInSilence ||= this.#sound === '.'
    this.#askedSpeech = true
    this.#goesOn.push(goesOn)
    this.listened++
    return 'sS'.includes(this.#sound)
  }

  /** Plays a script: `V` where it is voice (with a digit for what was confirmed, when any was), `?` undecided, `.` neither. */
  play(script: string): string {
    return Array.from(script, (sound) => this.#step(sound as Sound)).join('')
  }

  #step(sound: Sound): string {
    this.#sound = sound
    this.#askedVoiced = false
    this.#askedSpeech = false
    const { cascade } = this
    cascade.step(sound !== '.', sound === sound.toLowerCase() ? 100 : 1000)
    if (cascade.isVoice) return cascade.confirmed > 0 ? String(cascade.confirmed) : 'V'
    return cascade.isUndecided ? '?' : '.'
  }
}

const played = (script: string, rules: Partial<CascadeRules> = {}): string => new ScriptedStages(rules).play(script)

describe('cascade of voice stages', () => {
  test('V1 a block that is not active is neither voice nor undecided, in every state', () => {
    expect(played('.')).toBe('.')
    expect(played('a.')).toBe('?.')
    expect(played('s.')).toBe('V.')
    expect(played('vv.')).toBe('?..')
  })

  test('V1 what was undecided before a block that is not active is not confirmed any more', () => {
    expect(played('aa.as')).toBe('??.?1')
  })

  test('V2 an active block is undecided, so many of them until somebody listens and so many while they do', () => {
    expect(played('aaaaaa')).toBe('???...')
    expect(played('aavv')).toBe('???.')
    expect(played('aaavs')).toBe('????4')
  })

  test('V3 the third stage hears voiced blocks only', () => {
    const stages = new ScriptedStages()
    stages.play('aaaaaaaa')
    expect(stages.listened).toBe(0)
    stages.play('vaa')
    expect(stages.listened).toBe(1)
  })

  test('V3 voice is confirmed together with the undecided blocks before it', () => {
    expect(played('aas')).toBe('??2')
    expect(played('s')).toBe('V')
    expect(played('vs')).toBe('?1')
    expect(played('vas')).toBe('??2')
  })

  test('V3 the third stage is told whether it heard the block before', () => {
    const stages = new ScriptedStages({ lookBlocks: 4 })
    stages.play('vvav.')
    expect(stages.goesOn).toEqual([false, true, false])
  })

  test('V4 what is active is voice as long as something is voiced now and then', () => {
    expect(played('saaavaaas')).toBe('VVVVVVVVV')
    expect(played('s.a.v.a.v')).toBe('V.V.V.V.V')
  })

  test('V4 nothing voiced for the hold, pauses counted, ends the voice', () => {
    expect(played('saaaaaa')).toBe('VVVV...')
    expect(played('s..aa')).toBe('V..V.')
    expect(played('s....a')).toBe('V....?')
  })

  test('V4 after the hold, whoever is voiced is asked again', () => {
    const stages = new ScriptedStages()
    stages.play('saaaaa')
    expect(stages.play('s')).toBe('V')
    expect(stages.listened).toBe(2)
  })

  test('V4 in a voice the third stage is not asked', () => {
    const stages = new ScriptedStages()
    stages.play('svvvaavv')
    expect(stages.listened).toBe(1)
  })

  test('V5 what was not voiced in time is noise until something voiced comes', () => {
    expect(played('aaaaaaas')).toBe('???....V')
    expect(played('aaaaavs')).toBe('???..?1')
  })

  test('V6 what was listened to in vain is noise for the wait', () => {
    expect(played('vvssss')).toBe('?.....')
    expect(played('vvsssss')).toBe('?.....?')
    expect(played('vvssssss')).toBe('?.....?1')
  })

  test('V6 a look may be in pieces', () => {
    expect(played('v.vsss')).toBe('?.....')
  })

  test('V6 the wait doubles with each look in vain, up to the longest', () => {
    const stages = new ScriptedStages({ sternRun: 1 })
    const looks = Array.from({ length: 150 }, () => {
      const before = stages.listened
      stages.play('v')
      return stages.listened > before ? 'L' : '.'
    }).join('')
    expect(looks.slice(0, 70)).toBe(`LL${'.'.repeat(4)}LL${'.'.repeat(8)}LL${'.'.repeat(16)}LL${'.'.repeat(16)}LL${'.'.repeat(16)}`)
  })

  test('V6 the wait ends when it gets louder', () => {
    expect(played('vvvV')).toBe('?..?')
    expect(played('vvvVS')).toBe('?..?1')
  })

  test('V6 the wait ends when what is not voiced lies between', () => {
    expect(played('vvass')).toBe('?..?1')
    expect(played('vv.ss')).toBe('?..?1')
  })

  test('V7 after a look in vain it takes voiced blocks in a row', () => {
    expect(played('vv.s.s.ss')).toBe('?..?.?.?1')
  })

  test('V8 a confirmed voice makes good for looks in vain', () => {
    expect(played(`vv.ss${'.'.repeat(5)}s`).at(-1)).toBe('V')
  })

  test('V8 looks in vain are forgotten after a while', () => {
    expect(played(`vv${'.'.repeat(RULES.forgiveBlocks - 1)}s`).at(-1)).toBe('?')
    expect(played(`vv${'.'.repeat(RULES.forgiveBlocks)}s`).at(-1)).toBe('V')
  })

  test('V8 a wait does not count as that while', () => {
    const stages = new ScriptedStages({ firstWaitBlocks: 30, longestWaitBlocks: 60 })
    stages.play('v'.repeat(32))
    expect(stages.play('.s')).toBe('.?')
  })

  test('an endless sound that is never confirmed is listened to less than a tenth of the time', () => {
    const stages = new ScriptedStages(VOICE_TUNABLES)
    stages.play('v'.repeat(2000))
    expect(stages.listened).toBeLessThan(200)
    expect(stages.listened).toBeGreaterThan(50)
  })

  test('a reset leaves nothing that could be confirmed, and forgives', () => {
    const stages = new ScriptedStages()
    stages.play('aa')
    stages.cascade.reset()
    expect(stages.cascade.isUndecided).toBe(false)
    expect(stages.play('s')).toBe('V')
    stages.cascade.reset()
    expect(stages.cascade.isVoice).toBe(false)
    stages.play('vv')
    stages.cascade.reset()
    expect(stages.play('s')).toBe('V')
  })

  test('never both, never more confirmed than was undecided and unbroken, never more undecided than the memory', () => {
    const rule = (most: number) => fc.integer({ min: 1, max: most })
    const rules = fc.record({
      doubtBlocks: rule(6),
      lookBlocks: rule(6),
      holdBlocks: rule(12),
      louder: fc.constant(2),
      firstWaitBlocks: rule(8),
      longestWaitBlocks: rule(80),
      sternRun: rule(3),
      forgiveBlocks: rule(40),
    })
    const sound = fc.oneof(
      { weight: 3, arbitrary: fc.constant('v') },
      { weight: 3, arbitrary: fc.constant('a') },
      { weight: 1, arbitrary: fc.constantFrom('.', 's', 'V', 'S') },
    )
    fc.assert(
      fc.property(rules, fc.array(sound, { maxLength: 120 }), fc.integer({ min: 0, max: 119 }), (some, script, resetAt) => {
        const stages = new ScriptedStages(some)
        const { cascade } = stages
        let run = 0
        let sinceVoiced = Number.POSITIVE_INFINITY
        for (const [at, next] of script.entries()) {
          if (at === resetAt) {
            cascade.reset()
            run = 0
          }
          stages.play(next)
          sinceVoiced = 'vsVS'.includes(next) ? 0 : sinceVoiced + 1
          expect(cascade.isVoice && cascade.isUndecided).toBe(false)
          expect(cascade.isVoice || cascade.isUndecided ? next : 'x').not.toBe('.')
          expect(cascade.confirmed).toBeLessThanOrEqual(cascade.isVoice ? run : 0)
          if (cascade.isVoice) expect(sinceVoiced).toBeLessThan(some.holdBlocks)
          run = cascade.isUndecided ? run + 1 : 0
          expect(run).toBeLessThanOrEqual(cascade.memoryBlocks)
        }
        expect(stages.askedTwice || stages.askedInSilence).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('whoever is always confirmed is voice from the first voiced block on, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('.', 'a', 'v'), { maxLength: 60 }), (before) => {
        const stages = new ScriptedStages()
        stages.play(before.join(''))
        // no louder, and without a pause: the longest wait, then a run
        const verdicts = stages.play('s'.repeat(RULES.longestWaitBlocks + RULES.sternRun + 1))
        expect(verdicts.at(-1)).toBe('V')
      }),
    )
  })
})
