import { beforeAll, expect, test } from 'vitest'
import { loadFvad, type FvadFactory, type FvadMode } from '../../../../src/core/voice/fvad.js'
import { AUDIO_TUNABLES } from '../../../../src/live/audio/tunables.js'
import { loadVoice } from '../../../../src/live/audio/voice/load.js'
import { VoiceSegmenter } from '../../../../src/speech-server/engine/voice/segmenter.js'
import { vowelUtterances } from '../../../support/voice-clips.js'
import { BLOCK, sceneOf, verdictsOf, type Scene } from '../../../support/voice-trial.js'

const { preRollBlocks, tailBlocks, guardBlocks, takeOverBlocks } = AUDIO_TUNABLES
/** what sessions are opened with: src/live/stt/gladia/init-body.ts */
const ENDPOINTING_SEC = 0.3
const LEVEL = 2000
const RATE = 16_000

interface Run {
  readonly from: number
  readonly to: number
}

let makeFvad: FvadFactory
/** microphones with noise 20 dB under the voices, and where the detector of the plane hears voice, in blocks */
let scene: Scene
let turns: readonly Run[]

beforeAll(async () => {
  makeFvad = await loadFvad()
  scene = sceneOf(vowelUtterances(24, 7), LEVEL, 20, 11)
  const detector = (await loadVoice())()
  turns = runsOf(verdictsOf(detector, scene.samples).isVoice)
  detector.close()
})

/** Stretches of voice without a pause in which another may take over. */
function runsOf(isVoice: Uint8Array): Run[] {
  const runs: { from: number; to: number }[] = []
  for (const [block, voice] of isVoice.entries()) {
    const last = runs.at(-1)
    if (voice === 0) continue
    if (last && block - last.to < takeOverBlocks) last.to = block + 1
    else runs.push({ from: block, to: block + 1 })
  }
  return runs
}

/** How often the local engine hears one utterance across a change of owners: a turn and its tail, zeros, the next one's pre-roll and turn. */
function crossings(mode: FvadMode, zeros: number): number {
  const part = (from: number, to: number) => scene.samples.subarray(from * BLOCK, to * BLOCK)
  return turns.slice(1).filter((next, at) => {
    const old = turns[at] as Run
    const segmenter = new VoiceSegmenter(makeFvad(mode), { endpointingSec: ENDPOINTING_SEC, maxUtteranceSec: 15 })
    const lease = part(old.from - preRollBlocks, old.to + tailBlocks)
    const stretches = [lease, new Int16Array(zeros * BLOCK), part(next.from - preRollBlocks, next.to), new Int16Array(RATE)]
    const events = stretches.flatMap((samples) => segmenter.push(samples))
    segmenter.close()
    const leftSec = lease.length / RATE
    return events.some((event) => event.kind === 'end' && event.segment.startSec < leftSec && event.segment.endSec > leftSec + zeros / 20)
  }).length
}

test.each([1, 2, 3] as const)('S2 after the guard the engine, as strict as %i, has ended the utterance of the old owner', (mode) => {
  expect(turns.length).toBeGreaterThan(20)
  expect(crossings(mode, guardBlocks)).toBe(0)
})

test.each([1, 2] as const)(
  "S2 the old owner's silence is no guard: with less zeros for it the engine, as strict as %i, goes on into the next lease",
  (mode) => {
    expect(crossings(mode, guardBlocks - tailBlocks)).toBeGreaterThan(0)
  },
)
