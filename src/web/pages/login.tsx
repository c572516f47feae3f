import { useState } from 'preact/hooks'
import { useAction } from '../app/loaded.js'
import { go } from '../app/router.js'
import { logIn, loginProblem } from '../app/session.js'
import { Heading } from '../parts/frame.js'
import { Problem } from '../parts/notes.js'

/** Log in with a key. */
export function LoginPage() {
  const [key, setKey] = useState('')
  const action = useAction()
  return (
    <section class="narrow card">
      <Heading title="Log in" />
      {loginProblem.value !== null && <p class="note">{loginProblem.value}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void action.run(async () => {
            const { meetingId } = await logIn({ key: key.trim() })
            // to where they wanted to go
            go(meetingId === null ? location.pathname + location.search + location.hash : `/meetings/${meetingId}`, 'replace')
          })
        }}
      >
        <label>
          API key
          <input
            type="password"
            autocomplete="current-password"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
            aria-describedby="key-help"
          />
        </label>
        <p id="key-help" class="quiet">
          The first one is <code>ROOMSCRIBE_API_KEY</code>, or the file <code>api-key</code> in the data folder; others are made by an
          admin.
        </p>
        <button type="submit" class="primary" disabled={action.isBusy || key.trim() === ''}>
          {action.isBusy ? 'Logging in …' : 'Log in'}
        </button>
        <Problem error={action.error} />
      </form>
    </section>
  )
}
