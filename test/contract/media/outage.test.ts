import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { BotStage } from '../../support/bot-stage.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { healthOf } from '../../support/healthy.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

test('37 41 in mid-meeting Redis is killed, then PostgreSQL is away for 12 s: nobody takes over, no mark is lost, the steps run', async () => {
  await using stage = await BotStage.start('redis')
  await stage.serve()
  // the second one is there to take over, and must not
  await Promise.all([stage.bot(), stage.bot()])
  const room = 'outage'
  const script = steadyTalk(40)
  const { url, apiKey, apiSecret } = stage.livekit
  await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
  const id = await stage.meeting(room)
  await actors.ready
  const owner = await stage.owner(id)
  actors.go()
  await stage.heard(owner, id)
  await systemClock.sleep(2_000)
  await stage.redis?.kill()
  await systemClock.sleep(4_000)
  await stage.redis?.start()
  await systemClock.sleep(3_000)
  await stage.postgres.stop()
  await systemClock.sleep(12_000)
  await stage.postgres.start()
  await systemClock.sleep(6_000)
  const untilMs = systemClock.monotonicMs() - 500
  await until(() =>
    stage.stop(id).then(
      () => true,
      () => false,
    ),
  )
  await until(async () => ['done', 'failed'].includes(await stage.state(id)))
  const { store } = stage.records
  const verdict = talkVerdict(script, actors.events, await store.segments(id), await store.gaps(id), untilMs)
  // of speakers who were late nothing below would tell
  expect(await healthOf([actors])).not.toBe('invalid')
  const { lost, doubled, wrong, foreign, inGaps, returned } = verdict
  expect({ lost, doubled, wrong, foreign, inGaps }).toEqual({ lost: [], doubled: [], wrong: [], foreign: [], inGaps: [] })
  expect(returned).toBeGreaterThan(50)
  expect(await stage.state(id)).toBe('done')
  // one bot heard it all: the standby joined nothing
  expect(stage.bots.filter((bot) => bot.stderr.some((line) => line.includes('"msg":"meeting began"')))).toEqual([owner])
})
