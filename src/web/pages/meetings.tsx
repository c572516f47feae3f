import { useState } from 'preact/hooks'
import { LANGUAGE_PATTERN } from '../../core/language.js'
import { ask } from '../api/client.js'
import { STATES, type Meeting, type Page } from '../api/types.js'
import { useAction, useLoaded } from '../app/loaded.js'
import { A, go } from '../app/router.js'
import { may } from '../app/session.js'
import { Heading } from '../parts/frame.js'
import { Elapsed, Reason, State } from '../parts/meeting-bits.js'
import { Empty, Problem, Shown } from '../parts/notes.js'
import { count, dateTime } from '../text/format.js'
import { STATE_WORDS } from '../text/sentences.js'

const REFRESH_MS = 4_000

/** All meetings, newest first, and a form that starts one. */
export function MeetingsPage() {
  const [state, setState] = useState('')
  const [room, setRoom] = useState('')
  const query = new URLSearchParams({ limit: '50', ...(state === '' ? {} : { state }), ...(room === '' ? {} : { room }) })
  const loaded = useLoaded<Page<Meeting>>(`/v1/meetings?${query}`, REFRESH_MS)
  return (
    <>
      <div class="title-row">
        <Heading title="Meetings" />
        <form class="filter" role="search" aria-label="Filter meetings" onSubmit={(event) => event.preventDefault()}>
          <label>
            State
            <select value={state} onChange={(event) => setState(event.currentTarget.value)}>
              <option value="">all</option>
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {STATE_WORDS[one].text}
                </option>
              ))}
            </select>
          </label>
          <label>
            Room
            <input type="search" value={room} onChange={(event) => setRoom(event.currentTarget.value.trim())} placeholder="whole name" />
          </label>
        </form>
      </div>
      {may('meetings:write') && <StartMeeting />}
      <Shown of={loaded} what="meetings">
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty>
              {state === '' && room === ''
                ? 'No meetings yet. Start one above: a bot joins the room and writes down who says what.'
                : 'No meeting is like that.'}
            </Empty>
          ) : (
            <MeetingList items={items} next={next} query={query} key={String(query)} />
          )
        }
      </Shown>
    </>
  )
}

function MeetingList({
  items,
  next,
  query,
}: {
  readonly items: readonly Meeting[]
  readonly next: string | null
  readonly query: URLSearchParams
}) {
  const [older, setOlder] = useState<{ readonly items: readonly Meeting[]; readonly next: string | null } | null>(null)
  const action = useAction()
  const cursor = older === null ? next : older.next
  const ids = new Set(items.map(({ id }) => id))
  const all = [...items, ...(older?.items ?? []).filter(({ id }) => !ids.has(id))]
  const more = () =>
    action.run(async () => {
      const page = await ask<Page<Meeting>>(`/v1/meetings?${query}&cursor=${encodeURIComponent(cursor ?? '')}`)
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next })
    })
  return (
    <>
      <ul class="rows meetings" aria-label="Meetings">
        {all.map((meeting) => (
          <li key={meeting.id}>
            <span class="main">
              <A href={`/meetings/${meeting.id}`}>{meeting.title || meeting.room}</A>
              {meeting.title && <span class="quiet room">{meeting.room}</span>}
            </span>
            <span class="is">
              <State state={meeting.state} isPaused={meeting.paused ?? false} /> <Reason reason={meeting.reason} />
              {meeting.deadLetter !== null && <span class="bad-text">a step was given up</span>}
            </span>
            <span class="quiet heads">{meeting.participants.length > 0 ? count(meeting.participants.length, 'person', 'people') : ''}</span>
            <span class="quiet when">
              <time dateTime={meeting.startedAt ?? meeting.createdAt}>{dateTime(meeting.startedAt ?? meeting.createdAt)}</time>
            </span>
            <span class="quiet long">
              <Elapsed meeting={meeting} />
            </span>
          </li>
        ))}
      </ul>
      {cursor !== null && (
        <button type="button" class="more" disabled={action.isBusy} onClick={() => void more()}>
          Older meetings
        </button>
      )}
      <Problem error={action.error} />
    </>
  )
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')

function StartMeeting() {
  const [room, setRoom] = useState('')
  const [title, setTitle] = useState('')
  const [language, setLanguage] = useState('')
  const [vocabulary, setVocabulary] = useState('')
  const action = useAction()
  const start = () =>
    action.run(async () => {
      const meeting = await ask<Meeting>('/v1/meetings', {
        method: 'POST',
        body: {
          room: room.trim(),
          ...(title.trim() === '' ? {} : { title: title.trim() }),
          ...(language.trim() === '' ? {} : { language: language.trim() }),
          ...(vocabulary.trim() === '' ? {} : { vocabulary: list(vocabulary) }),
        },
      })
      go(`/meetings/${meeting.id}`)
    })
  return (
    <form
      class="card start"
      aria-label="Start a meeting"
      onSubmit={(event) => {
        event.preventDefault()
        void start()
      }}
    >
      <label class="grow">
        Room
        <input required maxLength={256} value={room} onInput={(event) => setRoom(event.currentTarget.value)} />
      </label>
      <label class="grow">
        <span>
          Title <span class="quiet">if any</span>
        </span>
        <input maxLength={300} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={action.isBusy || room.trim() === ''}>
        {action.isBusy ? 'Starting …' : 'Send the bot'}
      </button>
      <details>
        <summary>Language and vocabulary</summary>
        <div class="fields">
          <label>
            <span>
              Language <span class="quiet">two letters</span>
            </span>
            <input maxLength={3} pattern={LANGUAGE_PATTERN} value={language} onInput={(event) => setLanguage(event.currentTarget.value)} />
          </label>
          <label class="grow">
            <span>
              Words worth knowing <span class="quiet">with commas between</span>
            </span>
            <input value={vocabulary} onInput={(event) => setVocabulary(event.currentTarget.value)} />
          </label>
        </div>
      </details>
      <Problem error={action.error} />
    </form>
  )
}
