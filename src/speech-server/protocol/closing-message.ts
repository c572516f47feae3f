import { assertNever } from '../../core/errors.js'
import type { StopStep } from './after-stop.js'
import { NOT_AVAILABLE } from './job.js'
import { type MessageKind, wireSec } from './server-message.js'
import type { SessionResult } from './session-result.js'

/** Steps after the stop that are one message. */
type MessageStep = Exclude<StopStep, 'finals' | 'mark_done' | 'close_1000' | 'close_1011' | 'close_limit'>

/**
 * Kind, type and fields of a message after the stop. How much is left to process is not known to an engine: what lies
 * between the latest final and the end of the audio, silence included, stands for it.
 */
export function closingMessage(step: MessageStep, result: SessionResult, audioSec: number): [MessageKind, string, object] {
  switch (step) {
    case 'stop_ack': {
      const left = wireSec(Math.max(0, audioSec - result.latestEndSec))
      const data = { recording_duration: wireSec(audioSec), recording_left_to_process: left }
      return ['ack', 'stop_recording', { acknowledged: true, error: null, data }]
    }
    case 'end_recording':
      return ['lifecycle', step, { data: { recording_duration: wireSec(audioSec) } }]
    case 'post_transcript':
      return ['post', step, { data: result.transcription() }]
    case 'post_summarization':
    case 'post_chapterization':
      return ['post', step, { error: { message: NOT_AVAILABLE }, data: null }]
    case 'post_final_transcript':
      return ['post', step, { data: result.build(audioSec) }]
    case 'end_session':
      return ['lifecycle', step, {}]
    default:
      return assertNever(step)
  }
}
