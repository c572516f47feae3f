import { ask } from '../api/client.js'
import type { Occurrence, Page, Schedule } from '../api/types.js'
import { useAction, useLoaded } from '../app/loaded.js'
import { A, go } from '../app/router.js'
import { may } from '../app/session.js'
import { Confirm } from '../parts/buttons.js'
import { Heading } from '../parts/frame.js'
import { Empty, Problem, sentence, Shown } from '../parts/notes.js'
import { NewSchedule } from '../schedules/new-schedule.js'
import { Occurrences } from '../schedules/occurrences.js'
import { dateTime } from '../text/format.js'

const REFRESH_MS = 10_000

/** Meetings that are joined by themselves; one of them opened. @param id which, null for none */
export function SchedulesPage({ id }: { readonly id: string | null }) {
  const loaded = useLoaded<Page<Schedule>>('/v1/schedules?limit=100', REFRESH_MS)
  return (
    <>
      <Heading title="Schedules" />
      {may('meetings:write') && <NewSchedule onMade={loaded.reload} />}
      <Shown of={loaded} what="schedules">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>No schedules yet. With one, a bot joins by itself: once, by the clock, or as a calendar says.</Empty>
          ) : (
            <ul class="rows">
              {items.map((schedule) => (
                <Row key={schedule.id} schedule={schedule} isOpen={schedule.id === id} onChange={loaded.reload} />
              ))}
            </ul>
          )
        }
      </Shown>
    </>
  )
}

/** When it comes up, in words. */
function when({ kind, startAt, cron, timeZone, url }: Schedule): string {
  if (kind === 'once') return `once, ${dateTime(startAt)}`
  if (kind === 'cron') return `${cron ?? ''} ${timeZone ?? ''}`
  return url === null ? 'a calendar file' : `calendar at ${hostOf(url)}`
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}

function Row({ schedule, isOpen, onChange }: { readonly schedule: Schedule; readonly isOpen: boolean; readonly onChange: () => void }) {
  const { id, title, room, problem, enabled, lastPolledAt } = schedule
  const action = useAction()
  const change = (work: () => Promise<unknown>) =>
    void action.run(async () => {
      await work()
      onChange()
    })
  return (
    <li class="block">
      <div class="spread">
        <span>
          <A href={isOpen ? '/schedules' : `/schedules/${id}`}>{title || room || 'Calendar'}</A> <span class="quiet">{when(schedule)}</span>{' '}
          {title && room && <span class="quiet">room {room}</span>} {!enabled && <span class="state calm">Off</span>}
        </span>
        {may('meetings:write') && (
          <span class="controls">
            <button
              type="button"
              disabled={action.isBusy}
              onClick={() => change(() => ask(`/v1/schedules/${id}`, { method: 'PATCH', body: { enabled: !enabled } }))}
            >
              {enabled ? 'Turn off' : 'Turn on'}
              <span class="unseen"> {title || room}</span>
            </button>
            <Confirm
              question="Delete this schedule?"
              yes="Delete it"
              isBusy={action.isBusy}
              class="danger"
              onYes={() =>
                change(async () => {
                  await ask(`/v1/schedules/${id}`, { method: 'DELETE' })
                  if (isOpen) go('/schedules', 'replace')
                })
              }
            >
              Delete<span class="unseen"> {title || room}</span>
            </Confirm>
          </span>
        )}
      </div>
      {problem !== null && <p class="note bad">{sentence(problem)}</p>}
      {schedule.kind === 'ics' && lastPolledAt !== null && <p class="quiet small-text">last looked at {dateTime(lastPolledAt)}</p>}
      <Problem error={action.error} />
      <Next id={id} isOpen={isOpen} />
    </li>
  )
}

/** The next time, or with the schedule opened the next twenty. */
function Next({ id, isOpen }: { readonly id: string; readonly isOpen: boolean }) {
  const loaded = useLoaded<{ readonly items: readonly Occurrence[] }>(
    `/v1/schedules/${id}/occurrences?limit=${isOpen ? 20 : 1}`,
    REFRESH_MS,
  )
  if (isOpen) {
    return (
      <Shown of={loaded} what="the next times">
        {({ items }) => <Occurrences items={items} label="The next times" />}
      </Shown>
    )
  }
  const first = loaded.value?.items[0]
  if (first === undefined) return null
  return (
    <p class="small-text">
      next <time dateTime={first.startAt}>{dateTime(first.startAt)}</time>{' '}
      {first.room === null ? (
        <span class="bad-text">{sentence(first.roomProblem ?? 'no room is found')}</span>
      ) : (
        <span class="quiet">in {first.room}</span>
      )}
    </p>
  )
}
