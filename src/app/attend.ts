import { ClaimLostError, ConflictError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import type { JobQueue } from '../followup/port.js'
import type { BotDeps, BotOptions, BotOutcome, MeetingObserver } from '../live/bot/bot.js'
import { MeetingBot } from '../live/bot/meeting-bot.js'
import { FINAL_STATES, type MeetingRecord } from '../records/port.js'
import { AUTO_CHANNELS } from '../live/audio/lease/sizing.js'
import type { Settings } from './config/settings.js'

/** Bot options as the settings say. */
export function botOptions(settings: Settings): BotOptions {
  return {
    policy: {
      joinForMs: 20_000,
      rejoinForMs: 5 * 60_000,
      aloneMs: settings.aloneSec * 1000,
      nobodyMs: settings.nobodySec * 1000,
      tooLongMs: settings.maxMeetingSec * 1000,
    },
    botName: settings.botName,
    screenShareAudio: settings.screenShareAudio,
    captions: settings.captions,
    channels: settings.channels === 'auto' ? AUTO_CHANNELS : { max: settings.channels, mode: 'fixed' },
    idleCloseMs: settings.idleCloseSec * 1000,
    drainMs: settings.drainSec * 1000,
    vocabulary: settings.vocabulary,
  }
}

/** Runs the bot of one meeting and hands what it yields to the jobs that follow. */
export interface Attendance {
  /**
   * One `attend` job. Idempotent: a meeting that has ended is only handed on, one that another process took over is left alone.
   * @param signal asks the bot to leave and finish (`shutdown`)
   */
  attend(id: MeetingId, signal: AbortSignal): Promise<BotOutcome | null>
}

/** @param observe makes the watcher of a meeting: the terminal, the live feed */
export function createAttendance(
  deps: BotDeps,
  options: BotOptions,
  queue: Pick<JobQueue, 'followUp'>,
  observe: (meeting: MeetingRecord) => MeetingObserver,
): Attendance {
  return {
    async attend(id, signal) {
      const meeting = await deps.store.meeting(id)
      if (FINAL_STATES.includes(meeting.state)) return null
      if (meeting.state === 'finalising') {
        await queue.followUp(id)
        return null
      }
      try {
        const claim = await deps.store.claim(id)
        const outcome = await new MeetingBot(deps, options, meeting, claim, observe(meeting)).run(signal)
        if (!outcome.claimLost && !outcome.failed) await queue.followUp(id)
        return outcome
      } catch (thrown) {
        if (thrown instanceof ClaimLostError || thrown instanceof ConflictError) {
          deps.logger.warn({ meeting: id, err: thrown }, 'meeting is run elsewhere')
          return null
        }
        throw thrown
      }
    },
  }
}
