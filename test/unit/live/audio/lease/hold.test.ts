import { expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../../src/core/ids.js'
import type { BlockKind } from '../../../../../src/live/audio/block-queue.js'
import {
  mayCut,
  mayDisplace,
  mayEnd,
  mayHurry,
  mayInterrupt,
  mayMove,
  mayTakeOver,
  spareLead,
} from '../../../../../src/live/audio/lease/hold.js'
import { Track } from '../../../../../src/live/audio/track.js'
import { AUDIO_TUNABLES } from '../../../../../src/live/audio/tunables.js'
import { EnergyDetector } from '../../../../../src/live/audio/voice/energy.js'

const T = AUDIO_TUNABLES

/** A holder with these blocks waiting, oldest first: v voice, u undecided, s silent, a silent but audible; a loud block has an RMS of 1000, else 100. */
function holder(waiting: string, state: Partial<Track> = {}): Track {
  const who = { key: trackKey(asIdentity('ann'), 'microphone'), identity: asIdentity('ann') }
  const track = new Track(who, new EnergyDetector(200), 0, 0, T)
  const kinds: Record<string, BlockKind> = { v: 'voice', u: 'undecided', s: 'silent', a: 'silent', V: 'voice' }
  for (const letter of waiting) {
    const kind = kinds[letter] as BlockKind
    track.queue.push(new Int16Array(T.blockSamples), {
      meetingMs: 0,
      rms: letter === 'V' ? 1000 : 100,
      kind,
      audible: letter !== 's',
      runStart: false,
    })
  }
  return Object.assign(track, { seat: { sessionId: 's0', channel: 0 } }, state)
}

test.each([
  ['sssss', 3, 1, true, 'spare silence of a pause'],
  ['vssss', 6, 1, false, 'voice'],
  ['ussss', 6, 1, false, 'what may be voice'],
  ['sssss', 2, 1, false, '0.15 s behind the voice'],
  ['ssssv', 3, 1, true, 'more than 0.15 s before the next voice'],
  ['sssvv', 6, 1, false, '0.15 s before the next voice'],
  ['sssuv', 6, 1, false, '0.15 s before what may be voice'],
  ['sss', 6, 1, false, 'two blocks above the need'],
  ['sss', 12, 1, true, 'two blocks above the need after 0.6 s'],
  ['sv', 12, 1, false, 'the last block before a voice'],
  ['sssss', 12, 5, false, 'what is needed now'],
])('A4 %s after %i quiet blocks, %i needed: cut %s (%s)', (waiting, pausedBlocks, need, expected) => {
  expect(mayCut(holder(waiting, { pausedBlocks }), need, false, T)).toBe(expected)
  // in the microphone's noise nothing else is cut where channels are not leased
  expect(mayCut(holder(waiting, { quietBlocks: pausedBlocks }), need, true, T)).toBe(expected)
})

test.each([
  ['aaaaa', 3, 100, true, 'as loud as the noise'],
  ['aaaaa', 3, 60, false, 'louder than the noise'],
  ['sssss', 3, 60, true, 'louder, but nobody can hear it'],
  ['aaaaa', 2, 100, false, '0.15 s behind a sound'],
  ['sssaa', 12, 60, false, '0.15 s before a sound'],
])('A4 %s after %i blocks of noise at %i, on a channel that is not leased: cut %s (%s)', (waiting, quietBlocks, floor, expected) => {
  const track = holder(waiting, { quietBlocks, pausedBlocks: 100 })
  track.counted({ kind: 'silent', rms: floor })
  expect(mayCut(track, 1, true, T)).toBe(expected)
  expect(mayCut(track, 1, false, T)).toBe(true)
})

test.each([
  ['ssssssvvvv', 400, 1, 'all but 0.25 s'],
  ['ssssssuuvv', 400, 1, 'all but 0.25 s before what may be voice'],
  ['sssssssssvvvv', 400, 4, 'all but 0.25 s'],
  ['sssssssssvvvv', 199, 3, 'no more than it has waited for'],
  ['ssssssvvvv', 49, 0, 'no more than it has waited for'],
  ['asssssvvvv', 400, 0, 'nothing that can be heard'],
  ['sassssssvvvv', 400, 1, 'nothing from what can be heard on'],
  ['sssssvv', 400, 0, 'not of 0.25 s'],
  ['vvssssss', 400, 0, 'no pause'],
  ['', 400, 0, 'nothing'],
])('S3 of %s waiting, seated after %i ms, %i lead-in blocks are left out (%s)', (waiting, waitedMs, expected) => {
  expect(spareLead(holder(waiting), waitedMs, T)).toBe(expected)
})

test.each([
  ['', 10, true],
  ['ssss', 10, true],
  ['ssss', 9, false],
  ['ssv', 10, false],
  ['ssu', 10, false],
])('S1 a hold with %s waiting after %i quiet blocks ends by itself: %s', (waiting, pausedBlocks, expected) => {
  expect(mayEnd(holder(waiting, { pausedBlocks }), T)).toBe(expected)
})

test('S4 a hold ends at once when nothing waits and nothing comes: muted or stalled; not while something waits, nor when merely late', () => {
  expect(mayEnd(holder('', { liveSinceMs: Number.NaN }), T)).toBe(true)
  expect(mayEnd(holder('', { isStalled: true }), T)).toBe(true)
  expect(mayEnd(holder('s', { isStalled: true }), T)).toBe(false)
  expect(mayEnd(holder(''), T)).toBe(false)
})

test.each([
  ['', 6, true, 'a pause of 0.3 s'],
  ['', 5, false, 'less'],
  ['ssss', 2, true, 'the rest of it waits behind the delay line'],
  ['sssss', 1, false, 'less than the tail was sent'],
  ['sss', 2, false, 'less'],
  ['ssssv', 6, false, 'voice follows'],
  ['uuuuss', 2, false, 'what may be voice is no pause'],
  ['uuuussss', 2, true, 'silence enough beside it'],
])('S2 with %s waiting after %i quiet blocks another may take over: %s (%s)', (waiting, pausedBlocks, expected) => {
  expect(mayTakeOver(holder(waiting, { pausedBlocks }), T)).toBe(expected)
})

test('S6 who is asked for its channel is interrupted at a quiet block, after 2 s at any; noise makes room after 2 s', () => {
  const held = (sec: number) => holder('v', { heldBlocks: sec * 20 })
  expect([14.9, 15].map((sec) => mayHurry(held(sec), T))).toEqual([false, true])
  const asked = (waiting: string, hurriedBlocks: number) => holder(waiting, { hurriedBlocks, quietestRms: 100, heldBlocks: 2000 })
  expect([0, 1].map((blocks) => mayInterrupt(asked('v', blocks), T))).toEqual([false, true])
  expect([0, 1, 40, 41].map((blocks) => mayInterrupt(asked('V', blocks), T))).toEqual([false, false, false, true])
  // silence is quiet, however silent the rest of it was; what is not there yet, or not decided, cannot be known to be
  expect(['s', 'a', '', 'u'].map((waiting) => mayInterrupt(Object.assign(asked(waiting, 1), { quietestRms: 1 }), T))).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect([1.9, 2].map((sec) => mayDisplace(holder('v', { heldBlocks: sec * 20, isNoisy: true }), T))).toEqual([false, true])
  expect(mayDisplace(holder('v', { heldBlocks: 1000 }), T)).toBe(false)
})

test('A6 in a roll a holder moves when it has paused, when nothing more comes of it, or when it is time; never while it leaves', () => {
  expect(mayMove(holder('v', { pausedBlocks: 6 }), 0, T)).toBe(true)
  expect(mayMove(holder('v', { pausedBlocks: 5 }), 0, T)).toBe(false)
  expect(mayMove(holder('', { isStalled: true }), 0, T)).toBe(true)
  expect(mayMove(holder(''), 0, T)).toBe(false)
  expect(mayMove(holder('', { pausedBlocks: 6, isLeaving: true }), 0, T)).toBe(false)
  expect([14_999, 15_000].map((ms) => mayMove(holder('v', { quietestRms: 100 }), ms, T))).toEqual([false, true])
  expect([15_000, 17_000].map((ms) => mayMove(holder('V', { quietestRms: 100 }), ms, T))).toEqual([false, true])
})

/** A holder with nothing waiting, whose detector takes its time. */
const doubted = (): Track => Object.assign(holder(''), { detector: { memoryBlocks: 5 } })

/** Sends these from its seat, as the session does: v voice, u undecided, s silent. */
function sent(track: Track, blocks: string): void {
  for (const [at, letter] of Array.from(blocks).entries()) {
    const kind = letter === 'v' ? 'voice' : letter === 'u' ? 'undecided' : 'silent'
    track.sent(kind)
    if (kind === 'undecided') track.sentUndecided({ sessionId: 's0' as never, fromFrame: at })
  }
}

test.each([
  ['ssssss', 0, 6, 6],
  ['ssssssuu', 0, 0, 8],
  ['ssssssuu', 2, 0, 0],
  ['ssssssuu', 1, 0, 0],
  // frames are late: these are zeros
  ['ssuusss', 0, 3, 7],
  ['ssuusss', 2, 3, 3],
  ['vuu', 0, 0, 2],
])(
  'A6 S2 what may be voice is no pause until it is decided: %s sent, then %i of them voice: %i blocks of it, then %i',
  (blocks, voiced, certain, found) => {
    const track = holder('')
    Object.assign(track, { detector: { memoryBlocks: 5 } })
    sent(track, blocks)
    expect(track.pausedBlocks).toBe(certain)
    expect([mayMove(track, 0, T), mayTakeOver(track, T), mayEnd(track, { ...T, hangoverBlocks: 6 })]).toEqual(Array(3).fill(certain >= 6))
    track.decided(voiced)
    expect(track.pausedBlocks).toBe(found)
  },
)

test('S3 whoever is seated anew begins without a pause, also when what it sent before was not decided yet', () => {
  const track = doubted()
  sent(track, 'ssssssu')
  track.restartPause()
  sent(track, 'su')
  track.decided(0)
  expect(track.pausedBlocks).toBe(2)
})
