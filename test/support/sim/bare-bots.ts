import { EnergyDetector } from '../../../src/live/audio/voice/energy.js'
import { MeetingBot } from '../../../src/live/bot/meeting-bot.js'
import type { MeetingRecord } from '../../../src/records/port.js'
import type { Running } from './processes.js'
import { speechInMemory } from './speech-of.js'
import { storeOf, tenureOf } from './store.js'
import type { SimWorld } from './world.js'

/** a job that failed is tried so often */
const TRIES = 30

/** A process of the bare world: a bot that takes the claim from whoever has it, and another one when that fails. */
export async function runBareBots(running: Running, world: SimWorld): Promise<void> {
  const { process, told } = running
  const { room, store, time, faults, disks, botOptions, meetingId, logger, chance } = world
  const stored = storeOf(process, store, time, faults)
  const attempt = async (): Promise<void> => {
    const now: MeetingRecord = await stored.meeting(meetingId)
    if (now.state === 'finalising' || now.state === 'failed') return
    const claim = await stored.claim(meetingId)
    // the real claims look and take in one step
    if ((await store.meeting(meetingId)).state === 'finalising') return
    const bot = new MeetingBot(
      {
        room: room.port(process),
        stt: speechInMemory(process, { time, speech: world.speech, random: chance.random, logger }),
        store: stored,
        finals: disks[running.host]!.finals(process),
        clock: process,
        logger,
        random: chance.random,
        detector: () => new EnergyDetector(200),
      },
      botOptions,
      now,
      claim,
      { segment: (segment) => told.push(segment) },
      tenureOf(store, claim, time, now.startedAt),
    )
    await bot.run(new AbortController().signal)
    running.hasRun = true
  }
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      await attempt()
      break
    } catch (thrown) {
      running.error = thrown
      await process.sleep(1_000)
    }
  }
  running.isDone = true
}
