import { ConflictError, NotFoundError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { TranscriptDocument } from '../../live/transcript/segment.js'
import type { Logger } from '../../observe/logger.js'
import { FINAL_STATES, type MeetingStore, type SummaryRecord } from '../../records/port.js'
import type { DeliveryPort, JobHandlers, Summariser } from '../port.js'

/** What the steps after a meeting need. */
export interface PipelineParts {
  readonly store: Pick<MeetingStore, 'meeting' | 'coverage' | 'segments' | 'summary' | 'saveSummary' | 'finish'>
  readonly summariser: Summariser
  /** every configured destination; none is fine */
  readonly deliveries: readonly DeliveryPort[]
  readonly loadTranscript: (id: MeetingId) => Promise<TranscriptDocument>
  readonly clock: Clock
  readonly logger: Logger
}

/** The steps after a meeting, as the job queue calls them. Each may run again at any time and changes nothing then. */
export type Pipeline = Pick<JobHandlers, 'finalise' | 'summarise' | 'deliver'>

/**
 * Builds the steps. A meeting that is already `done` (or ended otherwise, or is deleted, also meanwhile) passes through without effect.
 * @returns handlers; `finalise` throws ConflictError when the live plane has not let go or left no coverage,
 *   `deliver` throws one error, or an AggregateError when several destinations failed
 */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { store, summariser, deliveries, loadTranscript, clock, logger } = parts

  /** false when there is nothing left to do */
  async function isPending(id: MeetingId): Promise<boolean> {
    const meeting = await store.meeting(id).catch((thrown: unknown) => {
      if (thrown instanceof NotFoundError) return null
      throw thrown
    })
    // a deleted meeting is told to nobody any more
    if (meeting === null || meeting.deletedAt !== null || FINAL_STATES.includes(meeting.state)) return false
    const { state } = meeting
    if (state !== 'finalising') throw new ConflictError(`the meeting is ${state}, not finalising: its bot has not let go`)
    return true
  }

  async function summaryOf(id: MeetingId, transcript: TranscriptDocument): Promise<SummaryRecord> {
    const kept = await store.summary(id)
    if (kept) return kept
    const sections = await summariser.summarise(transcript)
    const made = { meetingId: id, model: summariser.model, createdAt: new Date(clock.nowMs()).toISOString(), sections }
    await store.saveSummary(made)
    return made
  }

  /** A step that finds nothing to write to, since its meeting was deleted and purged meanwhile, is over. */
  function unlessDeleted(step: JobHandlers['finalise']): JobHandlers['finalise'] {
    return async (id, signal) => {
      try {
        await step(id, signal)
      } catch (thrown) {
        if (!(thrown instanceof NotFoundError) || (await isPending(id))) throw thrown
      }
    }
  }

  return {
    finalise: unlessDeleted(async (id) => {
      if (!(await isPending(id))) return
      const coverage = await store.coverage(id)
      if (!coverage) throw new ConflictError('the meeting has no coverage: the bot did not end in order')
      logger.info({ meeting: id, complete: coverage.complete }, 'meeting is finalised')
    }),
    summarise: unlessDeleted(async (id) => {
      if (!(await isPending(id))) return
      const { model } = await summaryOf(id, await loadTranscript(id))
      logger.info({ meeting: id, model }, 'summary is stored')
    }),
    deliver: unlessDeleted(async (id, signal) => {
      if (!(await isPending(id))) return
      const transcript = await loadTranscript(id)
      const content = {
        meeting: await store.meeting(id),
        transcript,
        summary: await summaryOf(id, transcript),
        segments: await store.segments(id),
      }
      const failures: unknown[] = []
      for (const delivery of deliveries) {
        signal.throwIfAborted()
        try {
          await delivery.deliver(content, signal)
          logger.info({ meeting: id, destination: delivery.destination }, 'meeting is delivered')
        } catch (thrown) {
          signal.throwIfAborted()
          // one destination that is down does not keep the others waiting
          failures.push(thrown)
        }
      }
      if (failures.length > 1) throw new AggregateError(failures, 'several destinations failed')
      if (failures.length === 1) throw failures[0]
      await store.finish(id)
    }),
  }
}
