import { afterEach, describe, expect, it } from 'vitest'
import { crowdReport } from '../support/crowd-report.js'
import { conversation, crowdScript } from '../support/crowd-script.js'
import { CrowdStage } from '../support/crowd-stage.js'

/** what two cores carry together with everything else */
const PEOPLE = 30
const SECONDS = 90
const SEED = 1
/** one run and one repetition */
const TIMEOUT_MS = 330_000

describe('a crowd on four channels, through a real server', () => {
  let stage: CrowdStage | undefined

  afterEach(async () => {
    await stage?.[Symbol.asyncDispose]()
    stage = undefined
  })

  it(
    '24 returns every symbol of thirty people once, whole, under the right name, at its place',
    async () => {
      stage = await CrowdStage.start('marks')
      const script = crowdScript({ people: PEOPLE, seconds: SECONDS, talk: conversation(SECONDS, SEED), seed: SEED })
      let facts = await stage.play(script, null)
      let report = crowdReport(facts)
      // starved speakers, or a starved bot, show nothing: such a run is repeated once, never passed
      if (report.health === 'invalid') report = crowdReport((facts = await stage.play(script, null)))
      const { verdict } = report
      expect(report.health, JSON.stringify(report.worstMs)).not.toBe('invalid')
      expect(report.faults.join('\n')).toBe('')
      expect(verdict.expected).toBeGreaterThan(500)
      expect(verdict.speakers).toBe(PEOPLE)
      expect(verdict.onsets.count).toBeGreaterThan(30)
      expect(report.channels).toBe(4)
      expect(report.rolls).toBeGreaterThanOrEqual(1)
      expect(report.billedRatio).toBeLessThan(0.25)
      expect(facts.sessions.map((session) => session.endReason)).toEqual(facts.sessions.map(() => 'done'))
      expect(facts.bot.exitCode).toBe(0)
    },
    TIMEOUT_MS,
  )
})
