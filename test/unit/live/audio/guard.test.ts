import { beforeAll, expect, test } from 'vitest'
import { loadFvad, type FvadFactory, type FvadMode } from '../../../../src/core/voice/fvad.js'
import { AUDIO_TUNABLES } from '../../../../src/live/audio/tunables.js'
import { loadVoice } from '../../../../src/live/audio/voice/load.js'
import { ENDPOINTING_SEC } from '../../../../src/live/stt/gladia/init-body.js'
import { VoiceSegmenter } from '../../../../src/speech-server/engine/voice/segmenter.js'
import { vowelUtterances } from '../../../support/voice-clips.js'
import { BLOCK, sceneOf, verdictsOf, type Scene } from '../../../support/voice-trial.js'

const { preRollBlocks, leadBlocks, tailBlocks, guardBlocks, takeOverBlocks, audiblePeak } = AUDIO_TUNABLES
const LEVEL = 2000
const RATE = 16_000

interface Run {
  readonly from: number
  readonly to: number
}

/** Microphones, and where the detector of the plane hears voice there, in blocks. */
interface Talk {
  readonly scene: Scene
  readonly turns: readonly Run[]
}

let makeFvad: FvadFactory
/** noise 20 dB under the voices; and noise that nobody can hear */
let noisy: Talk
let quiet: Talk

/** Voices in noise so many dB under them. */
async function talkIn(snrDb: number, utterances: number): Promise<Talk> {
  const scene = sceneOf(vowelUtterances(utterances, 7), LEVEL, snrDb, 11)
  const detector = (await loadVoice())()
  const turns = runsOf(verdictsOf(detector, scene.samples).isVoice)
  detector.close()
  return { scene, turns }
}

beforeAll(async () => {
  makeFvad = await loadFvad()
  noisy = await talkIn(20, 24)
})

beforeAll(async () => {
  quiet = await talkIn(46, 12)
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

const part = ({ scene }: Talk, from: number, to: number) => scene.samples.subarray(from * BLOCK, to * BLOCK)

/**
 * How often the local engine hears one utterance across a change of owners: a turn and its tail, zeros, the next one's lead-in and turn.
 * @param lead blocks before the next one's voice
 */
function crossings(mode: FvadMode, zeros: number, olds = noisy, news = noisy, lead = preRollBlocks): number {
  return news.turns.slice(1).filter((next, at) => {
    const old = olds.turns[at] as Run
    const segmenter = new VoiceSegmenter(makeFvad(mode), { endpointingSec: ENDPOINTING_SEC, maxUtteranceSec: 15 })
    const lease = part(olds, old.from - preRollBlocks, old.to + tailBlocks)
    const stretches = [lease, new Int16Array(zeros * BLOCK), part(news, next.from - lead, next.to), new Int16Array(RATE)]
    const events = stretches.flatMap((samples) => segmenter.push(samples))
    segmenter.close()
    const leftSec = lease.length / RATE
    return events.some((event) => event.kind === 'end' && event.segment.startSec < leftSec && event.segment.endSec > leftSec + zeros / 20)
  }).length
}

test.each([1, 2, 3] as const)('S2 after the guard the engine, as strict as %i, has ended the utterance of the old owner', (mode) => {
  expect(noisy.turns.length).toBeGreaterThan(20)
  expect(crossings(mode, guardBlocks)).toBe(0)
})

test.each([1, 2, 3] as const)('S3 it has, as strict as %i, also when less leads in because nobody can hear it', (mode) => {
  expect(quiet.turns.length).toBeGreaterThan(10)
  const leadsIn = quiet.turns.flatMap(({ from }) => [...part(quiet, from - preRollBlocks, from - leadBlocks)])
  expect(Math.max(...leadsIn.map(Math.abs))).toBeLessThan(audiblePeak)
  for (const olds of [noisy, quiet]) expect(crossings(mode, guardBlocks, olds, quiet, leadBlocks)).toBe(0)
})

test.each([1, 2] as const)(
  "S2 the old owner's silence is no guard: with less zeros for it the engine, as strict as %i, goes on into the next lease",
  (mode) => {
    expect(crossings(mode, guardBlocks - tailBlocks)).toBeGreaterThan(0)
  },
)
