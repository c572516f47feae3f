import { useMemo } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { Delivery, Meeting, Summary, Timeline, Transcript } from '../api/types.js'
import { useAction, useLoaded, type Loaded } from '../app/loaded.js'
import { go } from '../app/router.js'
import { may, session } from '../app/session.js'
import { Confirm } from '../parts/buttons.js'
import { Elapsed, Reason, State, Stuck } from '../parts/meeting-bits.js'
import { Problem, Shown } from '../parts/notes.js'
import { Share } from '../live/share.js'
import { count, dateTime } from '../text/format.js'
import { People } from '../text/people.js'
import { isFinal } from '../text/sentences.js'
import { TimelinePicture } from '../timeline/picture.js'
import { Receipt } from '../finished/receipt.js'
import { SummaryView } from '../finished/summary.js'
import { TranscriptView } from '../finished/transcript.js'
import { useJump } from '../finished/jump.js'

const FORMATS = ['txt', 'md', 'srt', 'vtt', 'json'] as const
const REFRESH_MS = 3_000

/** A meeting that is over: who spoke when, what was said, what became of every voice, what was made of it. */
export function FinishedPage({ meeting, onChange }: { readonly meeting: Meeting; readonly onChange: () => void }) {
  const { id } = meeting
  const everyMs = isFinal(meeting.state) ? undefined : REFRESH_MS
  const transcript = useLoaded<Transcript>(`/v1/meetings/${id}/transcript?format=json`, everyMs)
  const timeline = useLoaded<Timeline>(`/v1/meetings/${id}/timeline`, everyMs)
  const summary = useLoaded<Summary>(`/v1/meetings/${id}/summary`, everyMs)
  const deliveries = useLoaded<{ readonly items: readonly Delivery[] }>(`/v1/meetings/${id}/deliveries`, everyMs)
  const jump = useJump()
  const people = useMemo(() => {
    const made = new People()
    made.know(meeting.participants)
    return made
  }, [meeting])
  return (
    <article class="finished" onClick={jump.onClick}>
      <div class="facts-row">
        <p class="facts">
          <State state={meeting.state} /> <Reason reason={meeting.reason} />
          <time dateTime={meeting.startedAt ?? meeting.createdAt}>{dateTime(meeting.startedAt ?? meeting.createdAt)}</time>
          <Elapsed meeting={meeting} />
          <span class="quiet">{count(meeting.participants.length, 'person', 'people')}</span>
          {meeting.title && <span class="quiet">room {meeting.room}</span>}
        </p>
        <Exports meeting={meeting} />
      </div>
      {meeting.deadLetter !== null && <Stuck step={meeting.deadLetter} onRetried={onChange} />}
      <section aria-labelledby="when" class="card">
        <h2 id="when">Who spoke when</h2>
        <Shown of={timeline} what="the timeline">
          {(value) => <TimelinePicture timeline={value} meeting={meeting} people={people} />}
        </Shown>
      </section>
      <div class="finished-grid">
        <div class="side">
          <section aria-labelledby="summary" class="card">
            <h2 id="summary">Summary</h2>
            <SummaryOf summary={summary} transcript={transcript} meeting={meeting} />
          </section>
          <section aria-labelledby="receipt" class="card">
            <h2 id="receipt">Receipt</h2>
            <Shown of={transcript} what="the receipt">
              {(value) => <Receipt transcript={value} />}
            </Shown>
          </section>
          <section aria-labelledby="deliveries" class="card">
            <h2 id="deliveries">Deliveries</h2>
            <Shown of={deliveries} what="deliveries">
              {({ items }) => <Deliveries items={items} />}
            </Shown>
          </section>
        </div>
        <section aria-labelledby="transcript" class="card">
          <Shown of={transcript} what="the transcript">
            {(value) => <TranscriptView transcript={value} people={people} jump={jump} />}
          </Shown>
        </section>
      </div>
      <Delete id={id} />
    </article>
  )
}

function SummaryOf({
  summary,
  transcript,
  meeting,
}: {
  readonly summary: Loaded<Summary>
  readonly transcript: Loaded<Transcript>
  readonly meeting: Meeting
}) {
  if (summary.value === null && (summary.error?.status === 409 || summary.error?.status === 404)) {
    return <p class="quiet">{isFinal(meeting.state) ? 'There is none.' : 'It is being written …'}</p>
  }
  return (
    <Shown of={summary} what="the summary">
      {(value) => <SummaryView summary={value} segments={transcript.value?.segments ?? []} />}
    </Shown>
  )
}

function Exports({ meeting }: { readonly meeting: Meeting }) {
  const name = `${meeting.title || meeting.room}-${(meeting.startedAt ?? meeting.createdAt).slice(0, 10)}`.replaceAll(
    /[^\p{L}\p{N}.-]+/gu,
    '-',
  )
  return (
    <div class="controls" role="group" aria-label="Transcript and link">
      <span class="quiet">Download</span>
      {FORMATS.map((format) => (
        <a key={format} class="button small" href={`/v1/meetings/${meeting.id}/transcript?format=${format}`} download={`${name}.${format}`}>
          {format}
        </a>
      ))}
      {may('meetings:write') && session.value?.meetingId === null && <Share meetingId={meeting.id} />}
    </div>
  )
}

function Deliveries({ items }: { readonly items: readonly Delivery[] }) {
  if (items.length === 0) return <p class="quiet">Nothing was posted anywhere.</p>
  return (
    <ul class="plain-list">
      {items.map(({ destination, part, state, reference }) => (
        <li key={`${destination} ${part}`}>
          <span class={state === 'sent' ? 'ok-text' : 'bad-text'}>{state === 'sent' ? 'Sent' : 'Not confirmed'}</span> {destination}{' '}
          <span class="quiet">
            {part}
            {reference === null ? '' : `, ${reference}`}
          </span>
        </li>
      ))}
    </ul>
  )
}

function Delete({ id }: { readonly id: string }) {
  const action = useAction()
  if (!may('meetings:write') || session.value?.meetingId !== null) return null
  return (
    <div class="end-row">
      <Confirm
        question="Delete the meeting and all of its text, everywhere and for good?"
        yes="Delete it"
        isBusy={action.isBusy}
        class="danger"
        onYes={() =>
          void action.run(async () => {
            await ask(`/v1/meetings/${id}`, { method: 'DELETE' })
            go('/')
          })
        }
      >
        Delete this meeting
      </Confirm>
      <Problem error={action.error} />
    </div>
  )
}
