import { ask } from '../api/client.js'
import type { DeadLetter } from '../api/types.js'
import { useAction, useLoaded } from '../app/loaded.js'
import { A } from '../app/router.js'
import { Heading } from '../parts/frame.js'
import { Empty, Problem, sentence, Shown } from '../parts/notes.js'
import { dateTime } from '../text/format.js'

const REFRESH_MS = 5_000

/** Steps that were given up and wait for a person. */
export function DeadLettersPage() {
  const loaded = useLoaded<{ readonly items: readonly DeadLetter[] }>('/v1/dead-letters', REFRESH_MS)
  return (
    <>
      <div class="title-row">
        <Heading title="Stuck jobs" />
        <a class="button" href="/queues">
          All queues
        </a>
      </div>
      <p class="quiet">Steps that failed too often, or with an error that no repetition heals. Their meetings wait.</p>
      <Shown of={loaded} what="stuck jobs">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>Nothing is stuck.</Empty>
          ) : (
            <ul class="rows">
              {items.map((one) => (
                <Row key={one.id} letter={one} onRetried={loaded.reload} />
              ))}
            </ul>
          )
        }
      </Shown>
    </>
  )
}

function Row({ letter, onRetried }: { readonly letter: DeadLetter; readonly onRetried: () => void }) {
  const { id, step, attempts, reason, failedAt, meetingId } = letter
  const action = useAction()
  const retry = () =>
    action.run(async () => {
      await ask(`/v1/dead-letters/${encodeURIComponent(id)}/retry`, { method: 'POST' })
      onRetried()
    })
  return (
    <li class="block">
      <div class="spread">
        <span>
          <strong>{step}</strong>{' '}
          <span class="quiet">
            {attempts} attempts, the last <time dateTime={failedAt}>{dateTime(failedAt)}</time>
          </span>{' '}
          {meetingId !== null && <A href={`/meetings/${meetingId}`}>the meeting</A>}
        </span>
        <button type="button" disabled={action.isBusy} onClick={() => void retry()}>
          Try again<span class="unseen"> the step {step}</span>
        </button>
      </div>
      <p>{sentence(reason)}</p>
      <Problem error={action.error} />
    </li>
  )
}
