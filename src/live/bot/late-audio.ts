import { deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { BusinessEvents } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { FinalsBatch, MeetingStore } from '../../records/port.js'
import type { SttPort } from '../stt/port.js'
import { attribute } from '../transcript/attribute.js'
import { SpanIndex } from '../transcript/span-index.js'
import { historyOf, unsentOf } from './left-audio.js'
import { Patience } from './patience.js'
import { SpeechPool } from './speech-pool.js'

/** What late audio works with. */
export interface LateAudioParts {
  readonly store: Pick<MeetingStore, 'meeting' | 'spans' | 'sessions' | 'segments' | 'adopt'>
  readonly stt: SttPort
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly business: BusinessEvents
  readonly scope: Scope
  /** how long the last texts of a session are waited for */
  readonly drainMs: number
}

/**
 * Sends what a process that died left on this disk of a meeting that went on elsewhere meanwhile, or is over. Its texts come into that
 * transcript under the names and times that the stored spans say; the gap that the next owner wrote down for it stays, since it was one
 * for whoever read along. Resolves when the service has all of it.
 * @param isOver whether nobody has the meeting any more
 * @param stop aborted: the last texts are waited for `drainMs`; what is not sent by then stays on the disk
 * @throws NotFoundError; UpstreamError when the store is away at the end
 */
export async function sendLateAudio(parts: LateAudioParts, meetingId: MeetingId, isOver: boolean, stop: AbortSignal): Promise<void> {
  const { store, stt, logger } = parts
  const patience = new Patience(parts)
  const done = deferred()
  const limit = () => patience.limit(stop)
  stop.addEventListener('abort', limit, { once: true })
  if (stop.aborted) limit()
  try {
    const { language, vocabulary } = await patience.run(() => store.meeting(meetingId))
    const spans = new SpanIndex()
    const read = () => Promise.all([store.spans(meetingId), store.sessions(meetingId), store.segments(meetingId)])
    const [known, sessions, segments] = await patience.run(read)
    for (const span of known) spans.put(span)
    const found = stop.aborted ? [] : ((await stt.left?.(meetingId, isOver)) ?? [])
    const stored = { sessions, segments, index: spans }
    const unsent = await Promise.all(found.map((one) => unsentOf(one, historyOf(one, stored).reachFrame)))
    const left = unsent.filter((one) => one !== null)
    if (left.length === 0) return

    let writes = Promise.resolve()
    const refused: unknown[] = []
    const write = (what: Partial<FinalsBatch>) => {
      const adopt = () => store.adopt({ meetingId, epoch: 0 }, { segments: [], spans: [], ...what })
      // in order; one that the store refuses does not take the later ones with it
      writes = writes.then(async () => void (await patience.run(adopt))).catch((thrown: unknown) => void refused.push(thrown))
    }
    const pool: SpeechPool = new SpeechPool(
      { ...parts, meetingId, isPatient: true, hints: () => ({ language, vocabulary }) },
      {
        utterance: (utterance) => {
          if (utterance.isFinal) write({ segments: attribute(utterance, spans) })
        },
        gap: (session, gap) =>
          logger.warn({ meeting: meetingId, session, ...gap }, 'audio left by an earlier bot did not reach the service'),
        pending: () => undefined,
        untexted: (session, frames) =>
          logger.warn({ meeting: meetingId, session, frames }, 'texts of audio left by an earlier bot may be missing'),
        died: () => undefined,
        failed: (reason, error) => logger.error({ meeting: meetingId, reason, err: error }, 'audio left by an earlier bot cannot be sent'),
        session: (record) => {
          write({ sessions: [record] })
          // what makes up for a dead one is opened right after this
          queueMicrotask(() => {
            if (pool.records().every(({ endReason }) => endReason !== null)) done.resolve()
          })
        },
        recovered: (from, channels, fromFrame, to, frames) => {
          const copies = spans.copies(from, channels, fromFrame, to, frames)
          for (const span of copies) spans.put(span)
          write({ spans: copies })
        },
      },
    )
    const hurry = () => {
      pool.hurry()
      pool.finishAll().then(done.resolve, (thrown: unknown) => {
        logger.error({ err: toError(thrown) }, 'audio left by an earlier bot could not be ended')
        done.resolve()
      })
    }
    try {
      for (const one of left) {
        const { sessionId: session, fromFrame, backlog } = one
        logger.warn({ meeting: meetingId, session, fromFrame, frames: backlog.frames }, 'audio left by an earlier bot is sent now')
        pool.adopt(one)
      }
      stop.addEventListener('abort', hurry, { once: true })
      if (stop.aborted) hurry()
      await done.promise
      await writes
      if (refused.length > 0) throw toError(refused[0])
    } finally {
      stop.removeEventListener('abort', hurry)
      await pool.close()
      await pool.letGo()
    }
  } finally {
    stop.removeEventListener('abort', limit)
    patience.close()
  }
}
