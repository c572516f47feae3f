import { ConflictError, NotFoundError } from '../../core/errors.js'
import { redactText } from '../../observe/logger.js'
import type { DeadLetter, DeadLetters } from '../port.js'
import type { KeptJob, QueueClient } from './backend.js'
import { meetingOf } from './payload.js'
import { jobId, type JobKind } from './policy.js'

const STEPS = ['finalise', 'summarise', 'deliver'] as const

/**
 * The dead letters of both queues; the queue's own failed jobs are the only record of them.
 * @param call bounds a call and translates its failure
 */
export function createDeadLetters(
  attend: QueueClient,
  followUp: QueueClient,
  call: <T>(work: () => Promise<T>) => Promise<T>,
): DeadLetters {
  const queueOf = (kind: JobKind) => (kind === 'attend' ? attend : followUp)

  async function ofJob(kind: JobKind, id: string): Promise<DeadLetter | null> {
    const job = await queueOf(kind).getJob(id)
    return job && (await job.isFailed()) ? deadLetterOf(job) : null
  }

  return {
    list: (limit) =>
      call(async () => {
        const failed = await Promise.all([attend.getFailed(0, limit - 1), followUp.getFailed(0, limit - 1)])
        return failed
          .flat()
          .map(deadLetterOf)
          .toSorted((a, b) => b.failedAt.localeCompare(a.failedAt))
          .slice(0, limit)
      }),
    of: (id, work) =>
      call(async () => {
        for (const kind of work === 'attend' ? (['attend'] as const) : STEPS) {
          const found = await ofJob(kind, jobId(kind, id))
          if (found) return found
        }
        return null
      }),
    retry: (id) =>
      call(async () => {
        const kind = (['attend', ...STEPS] as const).find((one) => id.startsWith(`${one}-`))
        const job = kind && (await queueOf(kind).getJob(id))
        if (!job) throw new NotFoundError(`there is no job ${id.slice(0, 64)}`)
        if (!(await job.isFailed())) throw new ConflictError(`job ${id} is not a dead letter (any more)`)
        const letter = deadLetterOf(job)
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
        return letter
      }),
  }
}

function deadLetterOf(job: KeptJob): DeadLetter {
  return {
    id: job.id ?? '',
    step: (['attend', ...STEPS] as const).find((kind) => kind === job.name) ?? 'deliver',
    meetingId: meetingOf(job.data),
    attempts: job.attemptsMade,
    reason: redactText(job.failedReason),
    failedAt: new Date(job.finishedOn ?? 0).toISOString(),
  }
}
