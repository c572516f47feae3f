import { assertNever } from '../../core/errors.js'
import type { SwitchValue } from '../behaviours/schema.js'

/** One thing a session does after its recording has stopped. */
export type StopStep =
  | 'stop_ack'
  | 'finals'
  | 'end_recording'
  | 'post_transcript'
  | 'post_summarization'
  | 'post_chapterization'
  | 'post_final_transcript'
  | 'end_session'
  | 'mark_done'
  | 'close_1000'
  | 'close_1011'
  | 'close_limit'

/** What decides the order. */
export interface StopFacts {
  readonly afterStop: SwitchValue<'afterStop'>
  /** `stop_recording` came as a message, so it is acknowledged */
  readonly acknowledge: boolean
  /** the session ran into its limit: it closes with the limit's code */
  readonly limit: boolean
  readonly summarization: boolean
  readonly chapterization: boolean
}

/**
 * The order after `stop_recording`, as Gladia documents it. Messages that the client did not subscribe to are left out by
 * whoever sends. The result can be had by GET from `mark_done` on, which comes before the last message.
 */
export function stepsAfterStop(facts: StopFacts): StopStep[] {
  const steps: StopStep[] = []
  if (facts.acknowledge) steps.push('stop_ack')
  steps.push('finals', 'end_recording', 'post_transcript')
  if (facts.summarization) steps.push('post_summarization')
  if (facts.chapterization) steps.push('post_chapterization')
  const close: StopStep = facts.limit ? 'close_limit' : 'close_1000'
  switch (facts.afterStop) {
    case 'close_1011':
      return [...steps, 'close_1011', 'mark_done']
    case 'never_closes':
      return [...steps, 'post_final_transcript', 'mark_done', 'end_session']
    case 'stays_processing':
      return [...steps, 'post_final_transcript', 'end_session', close]
    case 'normal':
      return [...steps, 'post_final_transcript', 'mark_done', 'end_session', close]
    default:
      return assertNever(facts.afterStop)
  }
}
