import { useRef } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { Meeting } from '../api/types.js'
import { useAction } from '../app/loaded.js'
import { A } from '../app/router.js'
import { may, session } from '../app/session.js'
import { Captions } from '../live/captions.js'
import { PeopleList } from '../live/people-list.js'
import { Share } from '../live/share.js'
import { FeedNote } from '../live/status-note.js'
import { useFeed } from '../live/use-feed.js'
import { Confirm } from '../parts/buttons.js'
import { Heading } from '../parts/frame.js'
import { Elapsed, Reason, State, Stuck } from '../parts/meeting-bits.js'
import { Problem } from '../parts/notes.js'
import { People } from '../text/people.js'

/** A meeting while it goes on. @param onEnd told when it is over */
export function LivePage({ meeting: first, onEnd }: { readonly meeting: Meeting; readonly onEnd: () => void }) {
  const { feed, status } = useFeed(first.id, onEnd)
  const people = useRef(new People()).current
  const meeting = feed.meeting ?? first
  people.know(meeting.participants)
  const nameFor = (identity: string) => meeting.participants.find((person) => person.identity === identity)?.name || null
  return (
    <article class="live">
      <div class="title-row">
        <Heading title={meeting.title || meeting.room} />
        <p class="facts">
          <State state={meeting.state} isPaused={meeting.paused ?? false} /> <Reason reason={meeting.reason} />{' '}
          <Elapsed meeting={meeting} /> {meeting.title && <span class="quiet">room {meeting.room}</span>}
        </p>
        <Controls meeting={meeting} />
      </div>
      {meeting.paused === true && (
        <p class="note" role="status">
          Paused: nothing is sent to the speech service and nothing is kept until somebody resumes.
        </p>
      )}
      {meeting.deadLetter !== null && <Stuck step={meeting.deadLetter} onRetried={onEnd} />}
      <FeedNote status={status} />
      <div class="live-grid">
        <PeopleList participants={meeting.participants} speaking={feed.speaking} waiting={feed.waiting} people={people} />
        <Captions rows={feed.rows} dropped={feed.dropped} people={people} nameFor={nameFor} />
      </div>
    </article>
  )
}

function Controls({ meeting }: { readonly meeting: Meeting }) {
  const action = useAction()
  const isPaused = meeting.paused ?? false
  const post = (what: string) => void action.run(() => ask(`/v1/meetings/${meeting.id}/${what}`, { method: 'POST', body: {} }))
  return (
    <div class="controls">
      {(may('meetings:write') || session.value?.mayJoin === true) && (
        <A href={`/join?meeting=${meeting.id}`} class="button">
          Join by microphone
        </A>
      )}
      {may('meetings:write') && (
        <>
          <button type="button" disabled={action.isBusy} onClick={() => post(isPaused ? 'resume' : 'pause')}>
            {isPaused ? 'Resume' : 'Pause'}
          </button>
          <Share meetingId={meeting.id} />
          <Confirm question="End it for everybody?" yes="End it" isBusy={action.isBusy} class="danger" onYes={() => post('stop')}>
            Stop
          </Confirm>
        </>
      )}
      <Problem error={action.error} />
    </div>
  )
}
