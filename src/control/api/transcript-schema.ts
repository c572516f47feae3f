import { z } from '@hono/zod-openapi'

const ms = z.int().min(0)
const seconds = z.number().min(0)

const Waits = z.strictObject({ count: z.int().min(0), totalMs: ms, maxMs: ms })

const Gap = z.strictObject({ fromMs: ms, toMs: ms, reason: z.string() }).openapi('Gap')

const amounts = {
  speechMs: ms.describe('voice present; speechMs = sentSpeechMs + lostMs + waitingMs + unaccountedMs, exactly'),
  sentMs: ms.describe('audio sent, silence included'),
  acknowledgedMs: ms.describe('audio confirmed by the speech service, silence included'),
  returnedMs: ms.describe('meeting time covered by text that came back'),
  lostMs: ms.describe('voice that is not in the transcript; the sum of lostBy'),
  lostBy: z.record(z.string(), ms).describe('by reason of the gap'),
  waitingMs: ms.describe('voice not sent yet; 0 after the end'),
  unaccountedMs: z.int().describe('0 unless roomscribe lost count, which makes the transcript incomplete'),
  sentSpeechMs: ms.describe('voice sent and not known to be lost'),
  acknowledgedSpeechMs: ms,
  returnedSpeechMs: ms.describe('voice covered by text that came back'),
  unheardMs: ms.describe('meeting time in which no audio came although there may have been speech'),
  presentMs: ms.describe('time in which the track could be heard'),
  waits: Waits.describe('how speech waited for a channel'),
}

const CoverageTotal = z.strictObject(amounts).openapi('CoverageTotal')

const CoverageRow = z
  .strictObject({
    identity: z.string(),
    name: z.string(),
    ...amounts,
    noisy: z.boolean().describe('for a minute without a pause a voice, so that others were served first, or another loud noise'),
    gaps: z.array(Gap),
  })
  .openapi('Coverage')

const Segment = z
  .strictObject({
    id: z.string(),
    identity: z.string().nullable().describe('null, never guessed, when nothing says who spoke'),
    name: z.string().nullable(),
    startMs: ms,
    endMs: ms,
    text: z.string(),
    words: z.array(z.strictObject({ text: z.string(), startMs: ms, endMs: ms, confidence: z.number() })),
    language: z.string().nullable(),
    confidence: z.number(),
    session: z.string(),
    channel: z.int().min(0),
  })
  .openapi('Segment')

const Billing = z
  .strictObject({
    channelSec: seconds.describe('channels x seconds sent to the speech service, silence included: what it bills'),
    speechSec: seconds.describe('voice heard'),
    channelEachSec: seconds.describe('what it would have been with a channel for each person while their microphone was open'),
    perSpeechSec: seconds.nullable().describe('channelSec / speechSec'),
    ofChannelEach: seconds.nullable().describe('channelSec / channelEachSec'),
    sessions: z.array(z.strictObject({ session: z.string(), channels: z.int().min(1), sec: seconds, channelSec: seconds })),
  })
  .openapi('Billing')

/** A transcript, format=json. Nothing else is in it. */
export const Transcript = z
  .strictObject({
    meetingId: z.string(),
    room: z.string(),
    title: z.string().nullable(),
    startedAt: z.string().nullable(),
    complete: z.boolean().describe('true exactly when there are no doubts'),
    doubts: z.array(z.string()).describe('why it is not complete'),
    segments: z.array(Segment),
    coverage: z.array(CoverageRow),
    coverageTotal: CoverageTotal,
    billing: Billing,
  })
  .openapi('Transcript')
