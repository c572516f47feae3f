import { systemClock } from '../../src/core/time.js'
import type { BotStage } from '../support/bot-stage.js'
import { until } from '../support/until.js'

/** Meetings without people: `serve` has compiled what they need after some hundreds, and grows no more (36 MB of heap, 40 after 600, 41 after 1 500). */
const MEETINGS = 600
const AT_ONCE = 3
/** The process of the bots is not to be recycled on the way. */
const LASTING = { ROOMSCRIBE_RECYCLE_MEETINGS: '100000', ROOMSCRIBE_RECYCLE_MB: '100000' }

/**
 * Lets a `serve` do what it will do for months: without it an hour of soak, with its 15 meetings, measures how V8 compiles. Redis and the
 * database go and come back once.
 */
export async function warmUp(stage: BotStage): Promise<void> {
  const bots = await Promise.all([stage.bot(LASTING), stage.bot(LASTING)])
  let meetings = 0
  const lane = async () => {
    while (meetings < MEETINGS) {
      const id = await stage.meeting(`warm-up-${meetings++}`)
      await until(async () => ['waiting', 'live'].includes(await stage.state(id)), 30_000)
      await stage.stop(id)
      await until(async () => ['done', 'failed'].includes(await stage.state(id)), 30_000)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  await stage.redis?.kill()
  await systemClock.sleep(2_000)
  await stage.redis?.start()
  await stage.postgres.stop()
  await systemClock.sleep(5_000)
  await stage.postgres.start()
  for (const bot of bots) {
    stage.retired(bot)
    bot.signal('SIGTERM')
  }
  await Promise.all(bots.map((bot) => bot.exited))
}
