import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { BotStage } from '../../support/bot-stage.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { healthOf } from '../../support/healthy.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

const OUTAGE_MS = 12_000
/** What a crash takes: what waits for a record of the disk, and that record's write. */
const UNWRITTEN_MS = 2_000

const outages: readonly [string, (stage: BotStage) => Promise<() => Promise<void>>][] = [
  [
    'away, and knows no session when it is back',
    async (stage) => {
      await stage.stopSpeech()
      return () => stage.startSpeech()
    },
  ],
  [
    'frozen, and hears what was on the way when it wakes up',
    async ({ speechPid }) => {
      process.kill(speechPid, 'SIGSTOP')
      return () => Promise.resolve(void process.kill(speechPid, 'SIGCONT'))
    },
  ],
]

for (const [name, begin] of outages) {
  test(`28 40 a bot is killed while the service is ${name}: its process, started again, sends what is on its disk into the transcript that went on elsewhere`, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'roomscribe-late-audio-'))
    try {
      await using stage = await BotStage.start('redis')
      await stage.serve()
      const first = await stage.bot({ ROOMSCRIBE_DATA_DIR: dataDir })
      const room = 'late-audio'
      const script = steadyTalk(120)
      const { url, apiKey, apiSecret } = stage.livekit
      await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
      const id = await stage.meeting(room)
      await actors.ready
      await stage.owner(id)
      actors.go()
      await stage.heard(first, id)
      const second = await stage.bot()
      await systemClock.sleep(4_000)
      const end = await begin(stage)
      const outageMs = systemClock.monotonicMs()
      await systemClock.sleep(OUTAGE_MS)
      const killedMs = systemClock.monotonicMs()
      await stage.kill(first)
      await stage.owner(id)
      await end()
      await stage.heard(second, id)
      const again = await stage.bot({ ROOMSCRIBE_DATA_DIR: dataDir })
      await again.line(/audio left by an earlier bot is sent now/)
      await systemClock.sleep(10_000)
      const untilMs = systemClock.monotonicMs() - 500
      await stage.stop(id)
      await until(async () => ['done', 'failed'].includes(await stage.state(id)))
      const { store } = stage.records
      const { lost, doubled, misattributed, unnamed, inGaps, returned } = talkVerdict(
        script,
        actors.events,
        await store.segments(id),
        await store.gaps(id),
        untilMs,
      )
      expect(await healthOf([actors])).not.toBe('invalid')
      expect({ lost, doubled, misattributed }).toEqual({ lost: [], doubled: [], misattributed: [] })
      // of the last second the spans were in the memory of the process alone
      expect(unnamed.length).toBeLessThan(20)
      // what the service had acknowledged and not yet told in words went with the process. The gap of all the rest says that nobody could
      // read along; the text came all the same
      expect(inGaps.filter(({ playMs }) => playMs > outageMs && playMs < killedMs - UNWRITTEN_MS)).toEqual([])
      expect(returned).toBeGreaterThan(100)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  }, 120_000)
}
