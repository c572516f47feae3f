import { toError } from '../../../src/core/errors.js'
import { Scope } from '../../../src/core/scope.js'
import { sendLateAudio } from '../../../src/live/bot/late-audio.js'
import { createEvents } from '../../../src/observe/events.js'
import { SimProcess } from './clock.js'
import type { SimProcesses } from './processes.js'
import { storeOf } from './store.js'
import type { SimWorld } from './world.js'

/** a service that was away is back within this time */
const BACK_MS = 300_000
/** sending what was left takes no longer */
const LONGEST_MS = 600_000
/** what was sent is removed from the disk */
const SETTLE_MS = 2_000

/**
 * On each host a process begins after the meeting, when the service is back and nobody else lives, and sends what was left of it there.
 * @returns what went wrong with it
 */
export async function startNext(world: SimWorld, { runs }: SimProcesses): Promise<string[]> {
  const { time, speech, store, faults, disks, spooled, meetingId, botOptions, logger, chance } = world
  const isAway = () => time.nowMs <= Math.max(speech.downUntilMs, speech.blackholeUntilMs, speech.postFailure?.untilMs ?? 0)
  await time.runUntil(() => !isAway(), BACK_MS)
  for (const { process } of runs) process.kill()
  const wrong: string[] = []
  for (const host of disks.keys()) {
    const process = new SimProcess(time)
    const { stt, close } = spooled.of(process, host)
    let isDone = false
    const scope = new Scope((name, error) => wrong.push(`I4 late audio: ${name}: ${error.message}`))
    const parts = {
      store: storeOf(process, store, time, faults),
      stt,
      clock: process,
      random: chance.random,
      logger,
      business: createEvents(null),
      scope,
      drainMs: botOptions.drainMs,
    }
    const sent = sendLateAudio(parts, meetingId, true, new AbortController().signal)
      .catch((thrown: unknown) => void wrong.push(`I4 late audio: ${toError(thrown).message}`))
      .then(() => scope.close())
      .then(close)
    void sent.then(() => (isDone = true))
    if (!(await time.runUntil(() => isDone, LONGEST_MS))) wrong.push('I8 late audio does not end')
    await time.runUntil(() => false, SETTLE_MS)
    process.kill()
  }
  if (spooled.leftFiles > 0) wrong.push(`I4 ${spooled.leftFiles} files of audio are left`)
  return wrong
}
