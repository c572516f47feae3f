import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { within } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import type { Backlog, SttEndReason, SttGap, SttSession } from '../stt/port.js'
import type { Entry } from './pool-entry.js'

/** The end of a meeting waits so long for a disk, which may never answer. */
const LEAVE_MS = 10_000

/** Audio that the service has not taken when its session ended for good: held until its loss is written down. */
export class Unsent {
  readonly #clock: Clock
  readonly #logger: Logger
  #backlogs: Backlog[] = []

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Holds on to what a session has not sent; callable inside its `ended`. @returns the gap, which the session does not tell then */
  keep(session: SttSession, reason: SttEndReason): SttGap | null {
    const rest = session.takeUnacknowledged?.() ?? null
    if (!rest) return null
    const { fromFrame, backlog } = rest
    this.hold(backlog)
    const isLate = reason === 'done' || reason === 'drain_timeout'
    return { fromFrame, toFrame: fromFrame + backlog.frames, reason: isLate ? 'drain_timeout' : 'session_lost' }
  }

  /** What was not sent, and is told. */
  hold(backlog: Backlog): void {
    this.#backlogs.push(backlog)
  }

  /**
   * Leaves it on this disk, for whoever goes on with the meeting or begins here next; without a disk it is gone.
   * @param isPurged so is the meeting, and its audio with it
   */
  async letGo(isPurged: boolean): Promise<void> {
    const late = () => new Error('the disk does not answer')
    await within(this.#clock, LEAVE_MS, this.#leave(isPurged), late).catch((thrown: unknown) =>
      this.#logger.warn({ err: toError(thrown) }, 'audio that could not be sent may not stay on this disk'),
    )
  }

  async #leave(isPurged: boolean): Promise<void> {
    for (const backlog of this.#backlogs.splice(0)) await (isPurged ? backlog.discard() : leaveBehind(backlog, this.#logger))
  }
}

/** Leaves audio on this disk; without a disk it is gone. */
export async function leaveBehind(backlog: Backlog, logger: Logger): Promise<void> {
  const isLeft = (await backlog.leave?.()) ?? false
  if (isLeft) logger.warn({ frames: backlog.frames }, 'audio that could not be sent stays on this disk')
  else await backlog.discard()
}

/** Joins a gap to the last one where it goes on: a full buffer lets go block by block. */
export function addGap(gaps: SttGap[], gap: SttGap): void {
  const last = gaps.at(-1)
  if (last?.reason === gap.reason && last.toFrame === gap.fromFrame) gaps[gaps.length - 1] = { ...last, toFrame: gap.toFrame }
  else gaps.push(gap)
}

/**
 * What a session is given that is no more, since the meeting ends with it: frames that it would have had next.
 * @param block interleaved s16
 */
export function lateGap({ session, lost }: Pick<Entry, 'session' | 'lost'>, block: Int16Array): SttGap {
  const fromFrame = Math.max(session.sentFrames, lost.at(-1)?.toFrame ?? 0)
  return { fromFrame, toFrame: fromFrame + block.length / session.channels, reason: 'session_lost' }
}
