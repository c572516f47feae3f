import type { MeetingState } from '../api/types.js'
import { words } from './format.js'

/** How a state is called, and how it is shown: `run` goes on, `good` and `bad` are ends, `calm` is neither. */
export const STATE_WORDS: Readonly<Record<MeetingState, { readonly text: string; readonly tone: 'run' | 'good' | 'bad' | 'calm' }>> = {
  scheduled: { text: 'Scheduled', tone: 'calm' },
  queued: { text: 'Waiting for a bot', tone: 'calm' },
  joining: { text: 'Joining', tone: 'run' },
  waiting: { text: 'In the room, nobody yet', tone: 'run' },
  live: { text: 'Live', tone: 'run' },
  reconnecting: { text: 'Reconnecting', tone: 'bad' },
  draining: { text: 'Collecting last words', tone: 'run' },
  finalising: { text: 'Writing it up', tone: 'run' },
  done: { text: 'Done', tone: 'good' },
  failed: { text: 'Failed', tone: 'bad' },
  cancelled: { text: 'Cancelled', tone: 'calm' },
  missed: { text: 'Missed', tone: 'bad' },
}

const FINAL: readonly MeetingState[] = ['done', 'failed', 'cancelled', 'missed']

/** Whether nothing more will happen in it. */
export const isFinal = (state: MeetingState): boolean => FINAL.includes(state)
/** Whether a bot is, or is about to be, in the room. */
export const isRunning = (state: MeetingState): boolean => !isFinal(state) && state !== 'finalising'

const REASONS: Readonly<Record<string, string>> = {
  stopped: 'somebody stopped it',
  everybody_left: 'everybody left',
  nobody_came: 'nobody came',
  too_long: 'it reached the longest time that a meeting may take',
  removed: 'the bot was removed from the room',
  room_closed: 'the room was closed',
  duplicate_identity: 'another bot took its place',
  shutdown: 'roomscribe was shut down',
  livekit_unreachable: 'LiveKit could not be reached',
  livekit_unauthorized: 'LiveKit refused the key',
  livekit_refused: 'LiveKit refused the bot',
  connection_lost: 'the connection to the room was lost',
  speech_unauthorized: 'the speech service refused the key',
  speech_payment_required: 'the speech service asks for payment',
  speech_unreachable: 'the speech service could not be reached',
  speech_rejected: 'the speech service refused the session',
  internal_fault: 'roomscribe itself failed; the log says how',
  no_bot_in_time: 'no bot was there before its end',
  room_taken: 'another meeting was running in its room, which has the transcript',
}

/** Why a meeting is in its state. */
export const reasonText = (reason: string): string => REASONS[reason] ?? words(reason)

const GAPS: Readonly<Record<string, string>> = {
  no_channel: 'more people spoke at once than there are channels',
  over_capacity: 'more microphones than this process may hear',
  ring_full: 'speech waited for too long',
  not_received: 'their sound did not arrive',
  reconnecting: 'the connection to the room was down',
  taken_over: 'another process took the meeting over',
  buffer_full: 'the speech service was away for too long',
  session_lost: 'the speech session died',
  drain_timeout: 'the speech service did not confirm the end',
  paused: 'the meeting was paused',
}

/** Why somebody could not be heard. */
export const gapText = (reason: string): string => GAPS[reason] ?? words(reason)

const DOUBTS: Readonly<Record<string, string>> = {
  lost: 'Speech was lost.',
  waiting: 'Some speech has not been sent yet.',
  unaccounted: 'A count does not add up: a fault of roomscribe itself.',
  gaps: 'Somebody could not be heard for a while.',
  unacknowledged: 'The speech service did not confirm all of the speech.',
  session: 'A speech session did not end well: its last words may be missing.',
  not_stored: 'Text could not be stored.',
  taken_over: 'Another process heard a part of the meeting.',
  failed: 'The meeting failed.',
  running: 'The meeting is not over.',
}

/** Why a transcript is not called complete, a sentence. */
export const doubtText = (doubt: string): string => DOUBTS[doubt] ?? `${words(doubt)}.`

/** The name to show for somebody. */
export const nameOf = (person: { readonly name: string | null; readonly identity: string | null }): string =>
  person.name || person.identity || 'Unknown'
