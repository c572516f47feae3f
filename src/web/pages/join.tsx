import { useEffect, useRef, useState } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { Meeting } from '../api/types.js'
import { useAction, useLoaded } from '../app/loaded.js'
import { A, place } from '../app/router.js'
import { session } from '../app/session.js'
import { Meter } from '../join/meter.js'
import type { Call, CallState } from '../join/room.js'
import { Captions } from '../live/captions.js'
import { PeopleList } from '../live/people-list.js'
import { FeedNote } from '../live/status-note.js'
import { useFeed } from '../live/use-feed.js'
import { Heading } from '../parts/frame.js'
import { State } from '../parts/meeting-bits.js'
import { Empty, Problem, Shown } from '../parts/notes.js'
import { People } from '../text/people.js'
import { isRunning } from '../text/sentences.js'

interface Guest {
  readonly url: string
  readonly token: string
  readonly identity: string
}

/** This browser joins the room of a meeting with its microphone, and its words appear under its name. */
export function JoinPage() {
  const id = session.value?.meetingId ?? new URLSearchParams(place.value.search).get('meeting')
  const loaded = useLoaded<Meeting>(id === null ? null : `/v1/meetings/${encodeURIComponent(id)}`)
  if (id === null) {
    return (
      <section class="narrow">
        <Heading title="Join" />
        <Empty>
          Which meeting? Open one of <A href="/">the meetings</A> and join from there.
        </Empty>
      </section>
    )
  }
  return (
    <Shown of={loaded} what="the meeting">
      {(meeting) =>
        isRunning(meeting.state) ? (
          <Room meeting={meeting} onEnd={loaded.reload} />
        ) : (
          <section class="narrow">
            <Heading title={meeting.title || meeting.room} />
            <p>
              This meeting is over. <A href={`/meetings/${meeting.id}`}>Read what was said</A>
            </p>
          </section>
        )
      }
    </Shown>
  )
}

function Room({ meeting: first, onEnd }: { readonly meeting: Meeting; readonly onEnd: () => void }) {
  const { feed, status } = useFeed(first.id, onEnd)
  const people = useRef(new People()).current
  const [call, setCall] = useState<Call | null>(null)
  const [state, setState] = useState<CallState>('left')
  const [identity, setIdentity] = useState<string | null>(null)
  const [level, setLevel] = useState(0)
  const [isMuted, setMuted] = useState(false)
  const [name, setName] = useState('')
  const action = useAction()
  const meeting = feed.meeting ?? first
  people.know(meeting.participants)
  useEffect(() => () => void call?.leave(), [call])
  const join = () =>
    action.run(async () => {
      // loaded only here: the client is larger than the rest of the page
      const { joinRoom } = await import('../join/room.js')
      const guest = await ask<Guest>(`/v1/meetings/${first.id}/guest`, { method: 'POST', body: { name: name.trim() } })
      setIdentity(guest.identity)
      setMuted(false)
      const joined = await joinRoom(guest.url, guest.token, {
        onState: (now) => {
          setState(now)
          if (now === 'left') setCall(null)
        },
        onLevel: setLevel,
      })
      setCall(joined)
    })
  const nameFor = (of: string) => meeting.participants.find((person) => person.identity === of)?.name || null
  return (
    <article class="live">
      <div class="title-row">
        <Heading title={meeting.title || meeting.room} />
        <p class="facts">
          <State state={meeting.state} isPaused={meeting.paused ?? false} />
        </p>
      </div>
      {call === null ? (
        <form
          class="card start"
          aria-label="Join the room"
          onSubmit={(event) => {
            event.preventDefault()
            void join()
          }}
        >
          <label class="grow">
            Your name
            <input required maxLength={100} autocomplete="name" value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <button type="submit" class="primary" disabled={action.isBusy || name.trim() === ''}>
            {action.isBusy ? 'Joining …' : 'Join by microphone'}
          </button>
          <p class="quiet full">Everybody in the room hears you, and a bot writes down what you say.</p>
          {state === 'left' && identity !== null && !action.isBusy && <p class="full">You are no longer in the room.</p>}
          <Problem error={action.error} />
        </form>
      ) : (
        <div class="card in-room" role="status">
          <p>
            {state === 'reconnecting'
              ? 'The connection to the room was cut: it is being made again.'
              : 'You are in the room. Speak, and read yourself below.'}
          </p>
          <Meter level={level} isMuted={isMuted} />
          <span class="controls">
            <button
              type="button"
              aria-pressed={isMuted}
              onClick={() => {
                setMuted(!isMuted)
                void call.setMuted(!isMuted)
              }}
            >
              {isMuted ? 'Unmute' : 'Mute'}
            </button>
            <button type="button" class="danger" onClick={() => void call.leave()}>
              Leave
            </button>
          </span>
        </div>
      )}
      <FeedNote status={status} />
      <div class="live-grid">
        <PeopleList participants={meeting.participants} speaking={feed.speaking} waiting={feed.waiting} people={people} />
        <Captions rows={feed.rows} dropped={feed.dropped} people={people} nameFor={nameFor} />
      </div>
    </article>
  )
}
