import { afterEach, describe, expect, it } from 'vitest'
import { CrowdStage } from '../support/crowd-stage.js'
import { speechLines, speechReport, wordErrorRate } from '../support/speech-report.js'
import { speechScript } from '../support/speech-script.js'

const SEED = 1
/** one run and one repetition */
const TIMEOUT_MS = 240_000

describe('real speech of twelve people on four channels, through a real server and a real recogniser', () => {
  let stage: CrowdStage | undefined

  afterEach(async () => {
    await stage?.[Symbol.asyncDispose]()
    stage = undefined
  })

  it(
    'puts every sentence under the right name',
    async () => {
      stage = await CrowdStage.start('moonshine')
      const script = speechScript({ people: 12, rounds: 2, seed: SEED })
      let report = speechReport(await stage.play(script, null, 16_000))
      if (report.health === 'invalid') report = speechReport(await stage.play(script, null, 16_000))
      const { score, health } = report
      expect(health).not.toBe('invalid')
      expect({ wrong: score.wrongName, unknown: score.unknownName }, speechLines(report).join('\n')).toEqual({ wrong: 0, unknown: 0 })
      expect(score.scriptedUtterances).toBe(24)
      expect(wordErrorRate([report]), speechLines(report).join('\n')).toBeLessThan(0.15)
    },
    TIMEOUT_MS,
  )
})
