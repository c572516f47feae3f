import { expect, test } from 'vitest'
import { AUDIO_TUNABLES } from '../../../../src/live/audio/tunables.js'
import { loadVoice } from '../../../../src/live/audio/voice/load.js'
import { realUtterances, vowelUtterances } from '../../../support/voice-clips.js'
import { BLOCK, sceneOf, verdictsOf } from '../../../support/voice-trial.js'

/** with the real clips, one that begins softly lies so that 0.2 s would not do */
const SEED = 12
const { preRollBlocks, leadBlocks, audiblePeak } = AUDIO_TUNABLES

test.each([150, 300])('S3 what is left out before the voice of who had to wait holds no sound of it, at a level of %i', async (level) => {
  const { samples, utterances } = sceneOf([...realUtterances(), ...vowelUtterances(12, 7)], level, null, SEED)
  const detector = (await loadVoice())()
  const { isVoice } = verdictsOf(detector, samples)
  detector.close()
  /** sounds in what is left out when so many blocks are kept */
  const cut = (kept: number) =>
    utterances.filter(({ from, to }) => {
      const voice = isVoice.indexOf(1, Math.floor(from / BLOCK))
      if (voice === -1 || voice * BLOCK >= to) return false
      const isInaudible = (block: number) =>
        samples.subarray(block * BLOCK, (block + 1) * BLOCK).every((one) => Math.abs(one) < audiblePeak)
      let first = voice - preRollBlocks
      while (first < voice - kept && isInaudible(first)) first++
      return first > voice - preRollBlocks && first * BLOCK > from
    }).length
  expect(cut(leadBlocks)).toBe(0)
  // a short lead would not do: some begin before they are heard to
  expect(cut(1)).toBeGreaterThan(0)
})
