import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { toApiError, type ApiError } from './api/client.js'
import { go, place } from './app/router.js'
import { findSession, logIn, loginProblem, may, noted, session, takeLinkToken } from './app/session.js'
import { clock } from './app/time.js'
import { DeadLettersPage } from './pages/dead-letters.js'
import { JoinPage } from './pages/join.js'
import { KeysPage } from './pages/keys.js'
import { LoginPage } from './pages/login.js'
import { MeetingPage } from './pages/meeting.js'
import { MeetingsPage } from './pages/meetings.js'
import { SchedulesPage } from './pages/schedules.js'
import { Frame, Heading } from './parts/frame.js'
import { Problem } from './parts/notes.js'

const RETRY_MS = 2_000
const MEETING = /^\/meetings\/([\w-]+)$/
const SCHEDULE = /^\/schedules(?:\/([\w-]+))?$/

function PageOf({ path }: { readonly path: string }) {
  const own = session.value?.meetingId ?? null
  if (path === '/join') return <JoinPage />
  const meeting = MEETING.exec(path)?.[1]
  if (meeting !== undefined) return <MeetingPage id={meeting} key={meeting} />
  // a link shows one meeting, whatever the address says
  if (own !== null) return <MeetingPage id={own} key={own} />
  if (path === '/') return <MeetingsPage />
  const schedule = SCHEDULE.exec(path)
  if (schedule) return <SchedulesPage id={schedule[1] ?? null} />
  if (path === '/keys' && may('admin')) return <KeysPage />
  if (path === '/dead-letters' && may('admin')) return <DeadLettersPage />
  return (
    <section class="narrow">
      <Heading title="Nothing here" />
      <p>There is no page at this address, or this key may not see it.</p>
    </section>
  )
}

/** Exchanges the link in the address, if there is one, then finds out who is logged in. */
async function begin(link: string | null): Promise<void> {
  if (link === null) return findSession()
  try {
    const { meetingId } = await logIn({ link })
    if (meetingId !== null && place.value.path === '/') go(`/meetings/${meetingId}`, 'replace')
  } catch (thrown) {
    const error = noted(thrown)
    if (error.isPassing) throw error
    session.value = null
    loginProblem.value = 'This link is not valid, or no longer. Ask for a new one, or log in with a key.'
  }
}

function App({ link }: { readonly link: string | null }) {
  const [error, setError] = useState<ApiError | null>(null)
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let cancel: (() => void) | undefined
    begin(link).then(
      () => setError(null),
      (thrown: unknown) => {
        setError(toApiError(thrown))
        cancel = clock.after(RETRY_MS, () => setAttempt(attempt + 1))
      },
    )
    return () => cancel?.()
  }, [attempt, link])
  const who = session.value
  return (
    <Frame>
      {who === undefined ? (
        <section class="narrow">
          <Heading title="roomscribe" />
          {error === null ? <p class="quiet">Loading …</p> : <Problem error={error} />}
        </section>
      ) : who === null ? (
        <LoginPage />
      ) : (
        <PageOf path={place.value.path} />
      )}
    </Frame>
  )
}

const root = document.getElementById('page')
if (root !== null) render(<App link={takeLinkToken()} />, root)
