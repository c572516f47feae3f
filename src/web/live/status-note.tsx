import { useEffect, useState } from 'preact/hooks'
import { clock } from '../app/time.js'
import { Problem } from '../parts/notes.js'
import type { FeedStatus } from './reader.js'

/** How the connection to the feed is, when there is something to say. */
export function FeedNote({ status }: { readonly status: FeedStatus }) {
  const [nowMs, setNow] = useState(clock.nowMs())
  const isAway = status.kind === 'away'
  useEffect(() => (isAway ? clock.every(500, () => setNow(clock.nowMs())) : undefined), [isAway])
  if (status.kind === 'failed') return <Problem error={status.error} />
  return (
    <div role="status">
      {status.kind === 'away' && (
        <p class="note bad">
          {status.message} <span aria-hidden="true">Trying again in {Math.max(0, Math.ceil((status.retryAtMs - nowMs) / 1000))} s.</span>{' '}
          Nothing is lost: what is said meanwhile comes afterwards.
        </p>
      )}
    </div>
  )
}
