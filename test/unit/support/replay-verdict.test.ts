import { expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../src/core/ids.js'
import { interleave } from '../../../src/live/audio/interleave.js'
import { blockOf, CrowdAudio, personOf, readStamp } from '../../support/crowd-audio.js'
import { RecordingSink } from '../../support/replay.js'
import { judge, type Verdict } from '../../support/replay-verdict.js'
import { meetingOf } from '../../support/turns.js'

/** Ann speaks from 1 s to 2 s, Bob from 3 s to 4 s. */
const MEETING = meetingOf('x', 'm', [
  { speaker: 'ann', fromMs: 1000, toMs: 2000 },
  { speaker: 'bob', fromMs: 3000, toMs: 4000 },
])
const SHORT = 40

/** What stands on the one channel at each block of the session: whose block and which, or zeros. */
type Line = ({ readonly person: number; readonly block: number } | null)[]

const blocksOf = (person: number, from: number, to: number): Line =>
  Array.from({ length: to - from }, (_, at) => ({ person, block: from + at }))
const zeros = (count: number): Line => Array.from({ length: count }, () => null)

/** A mixer without faults of its own: sends the line, block k at k x 50 ms + `lateMs`, with a span a block. */
function verdictOf(
  line: Line,
  options: {
    lateMs?: number
    spoil?: (block: Int16Array, at: number) => void
    owner?: (at: number) => string
    sink?: (sink: RecordingSink) => void
  } = {},
): Verdict {
  const audio = new CrowdAudio(MEETING, { seed: 3, blockSamples: SHORT })
  const made = MEETING.people.map((_, person) => Array.from({ length: audio.blocks }, (_block, block) => audio.make(person, block)))
  const sink = new RecordingSink(audio)
  const sessionId = sink.open(1)
  for (const [at, cell] of line.entries()) {
    sink.nowMs = (at + 1) * 50 + (options.lateMs ?? 0)
    const out = new Int16Array(SHORT)
    interleave([cell === null ? null : (made[cell.person]?.[cell.block] ?? null)], out)
    options.spoil?.(out, at)
    sink.block(sessionId, out, SHORT)
    if (cell === null) continue
    const identity = asIdentity(options.owner?.(at) ?? MEETING.people[cell.person] ?? '')
    const [fromFrame, toFrame] = [at * SHORT, (at + 1) * SHORT]
    sink.span({
      sessionId,
      channel: 0,
      fromFrame,
      toFrame,
      identity,
      trackKey: trackKey(identity, 'microphone'),
      meetingMs: audio.startMs(cell.person, cell.block),
    })
  }
  options.sink?.(sink)
  sink.finish(sessionId)
  return judge({ meeting: MEETING, audio, sink, counters: [] }, 50)
}

/** Everything that is said, in time. */
const WHOLE: Line = [...zeros(10), ...blocksOf(0, 10, 44), ...zeros(8), ...blocksOf(1, 52, 80)]

test('a stamp survives interleaving, and silence has none', () => {
  const audio = new CrowdAudio(MEETING, { seed: 3 })
  const out = new Int16Array(3 * 800)
  interleave([null, audio.make(1, 7), null], out)
  const stamp = readStamp(out, 1, 3)
  expect([personOf(stamp), blockOf(stamp)]).toEqual([1, 7])
  expect([readStamp(out, 0, 3), readStamp(out, 2, 3)]).toEqual([0, 0])
})

test('what is sent whole and in time has no fault', () => {
  expect(verdictOf(WHOLE)).toMatchObject({
    lostMs: 0,
    onsetCutMs: 0,
    onsetsLost: 0,
    unstatedMs: 0,
    doubledBlocks: 0,
    disorderedBlocks: 0,
    wrongBlocks: 0,
    damagedBlocks: 0,
    positionErrorMs: 0,
    guardZerosMs: 400,
    changes: 1,
    sessions: 1,
    rolls: 0,
    billedMs: 80 * 50,
  })
})

test('speech is counted whatever the phase of the frames, less the silent end of a mark in a block of its own', () => {
  expect(verdictOf(WHOLE).speechMs).toBeGreaterThan(1900)
  expect(verdictOf(WHOLE).speechMs).toBeLessThanOrEqual(2000)
})

test('blocks of the beginning that are missing are an onset that was cut, and a loss that is told of only by a gap', () => {
  const cut: Line = [...zeros(23), ...WHOLE.slice(23)]
  const verdict = verdictOf(cut)
  expect(verdict.onsetCutMs).toBeGreaterThan(100)
  expect(verdict.lostMs).toBe(verdict.onsetCutMs)
  expect(verdict.unstatedMs).toBe(verdict.lostMs)
  const gap = { identity: asIdentity('ann'), fromMs: 900, toMs: 1200, reason: 'no_channel' as const }
  expect(verdictOf(cut, { sink: (sink) => sink.gap(gap) }).unstatedMs).toBe(0)
  expect(verdictOf(cut, { sink: (sink) => sink.gap({ ...gap, identity: asIdentity('bob') }) }).unstatedMs).toBe(verdict.lostMs)
})

test('a turn of which nothing comes out is an onset that was lost', () => {
  expect(verdictOf(WHOLE.slice(0, 50))).toMatchObject({ onsetsLost: 1 })
})

test('speech in the middle that is missing is a loss, and no onset', () => {
  const verdict = verdictOf(WHOLE.map((cell, at) => (at === 30 ? null : cell)))
  expect(verdict).toMatchObject({ lostMs: 50, onsetCutMs: 0 })
})

test('a block that comes twice is doubled', () => {
  expect(verdictOf([...WHOLE.slice(0, 31), ...WHOLE.slice(30)]).doubledBlocks).toBe(1)
})

test('blocks that change places are out of order', () => {
  const line = WHOLE.map((cell, at) => (at === 30 ? (WHOLE[31] ?? null) : at === 31 ? (WHOLE[30] ?? null) : cell))
  expect(verdictOf(line).disorderedBlocks).toBe(1)
})

test('a span under another name is wrong, and so is a block that no span tells of', () => {
  expect(verdictOf(WHOLE, { owner: (at) => (at === 60 ? 'ann' : at < 48 ? 'ann' : 'bob') }).wrongBlocks).toBe(1)
  expect(verdictOf(WHOLE, { sink: (sink) => sink.spans.delete('s0/0/800') }).wrongBlocks).toBe(1)
})

test('one sample that is not what was made is damage', () => {
  expect(verdictOf(WHOLE, { spoil: (block, at) => void (at === 30 && block.fill(block[36]! + 1, 36, 37)) }).damagedBlocks).toBe(1)
  expect(verdictOf(WHOLE, { spoil: (block, at) => void (at === 2 && block.fill(9, 36, 37)) }).damagedBlocks).toBe(1)
})

test('the shortest silence between two owners is found, with and without what they send in silence', () => {
  const hasty: Line = [...zeros(10), ...blocksOf(0, 10, 44), ...zeros(3), ...blocksOf(1, 52, 80)]
  const verdict = verdictOf(hasty)
  expect(verdict.guardZerosMs).toBe(150)
  // Ann is silent from block 40 on and Bob until block 60
  expect(verdict.guardSilenceMs).toBeGreaterThanOrEqual(650)
  expect(verdict.guardSilenceMs).toBeLessThanOrEqual(750)
})

test('whoever is sent later than with a free channel has waited, and what leads in is seen', () => {
  expect(verdictOf(WHOLE).waitsMs).toEqual([0, 0])
  const late = verdictOf(WHOLE, { lateMs: 700 })
  expect(Math.min(...late.waitsMs)).toBeGreaterThanOrEqual(600)
  expect(late.latencyMs.every((ms) => ms >= 650)).toBe(true)
  expect(late.leadsMs).toEqual([300, 300])
  const bare: Line = [...zeros(17), ...WHOLE.slice(17)]
  expect(verdictOf(bare).leadsMs.toSorted((a, b) => a - b)[0]).toBeLessThanOrEqual(150)
})

test('the hash tells of every block, its time and its session', () => {
  const { hash } = verdictOf(WHOLE)
  expect(verdictOf(WHOLE).hash).toBe(hash)
  expect(verdictOf(WHOLE, { lateMs: 10 }).hash).not.toBe(hash)
  expect(verdictOf([...zeros(9), ...blocksOf(0, 9, 10), ...WHOLE.slice(10)]).hash).not.toBe(hash)
})
