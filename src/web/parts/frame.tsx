import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { A } from '../app/router.js'
import { isAway, logOut, may, session } from '../app/session.js'

/** What stands around every page: the way to the others, who is logged in, and whether the server is there. */
export function Frame({ children }: { readonly children: ComponentChildren }) {
  const who = session.value
  const isWhole = who !== null && who !== undefined && who.meetingId === null
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <span class="brand">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M7 11h10M7 16h18M7 21h13" />
          </svg>
          roomscribe
        </span>
        {isWhole && (
          <nav aria-label="Pages">
            <A href="/">Meetings</A>
            <A href="/schedules">Schedules</A>
            {may('admin') && <A href="/dead-letters">Stuck jobs</A>}
            {may('admin') && <A href="/keys">Keys</A>}
          </nav>
        )}
        {who && (
          <span class="who">
            <span class="quiet">{who.name}</span>
            <button type="button" class="plain" onClick={() => void logOut()}>
              Log out
            </button>
          </span>
        )}
      </header>
      <div role="status" class="away">
        {isAway.value && <p>The server does not answer. It is asked again until it does; nothing that it keeps is lost.</p>}
      </div>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  )
}

/** The heading of a page, which is also the title of the document. */
export function Heading({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · roomscribe`
  }, [title])
  return (
    <h1 tabIndex={-1}>
      {title}
      {children}
    </h1>
  )
}
