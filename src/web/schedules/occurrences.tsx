import type { Occurrence } from '../api/types.js'
import { A } from '../app/router.js'
import { Empty, sentence } from '../parts/notes.js'
import { WideTable } from '../parts/wide-table.js'
import { dateTime, duration, words } from '../text/format.js'

const TONES: Readonly<Record<Occurrence['state'], string>> = {
  planned: '',
  started: 'ok-text',
  missed: 'bad-text',
  cancelled: 'quiet',
  skipped: 'quiet',
}

/** When a bot will join which room, or why none will. @param label for the table */
export function Occurrences({ items, label }: { readonly items: readonly Occurrence[]; readonly label: string }) {
  if (items.length === 0) return <Empty>It does not come up again.</Empty>
  return (
    <WideTable label={label} columns={['When', 'Title', 'Room', 'State']}>
      {items.map((one) => (
        <tr key={one.id ?? `${one.startAt} ${one.title ?? ''}`}>
          <td>
            <time dateTime={one.startAt}>{dateTime(one.startAt)}</time>
            {one.endAt !== null && <span class="quiet"> {duration(Date.parse(one.endAt) - Date.parse(one.startAt))}</span>}
          </td>
          <td>{one.title}</td>
          <td>{one.room ?? <span class="bad-text">{sentence(one.roomProblem ?? 'no room is found')}</span>}</td>
          <td>
            <span class={TONES[one.state]}>{one.state}</span>
            {one.reason !== null && <span class="quiet"> {words(one.reason)}</span>}
            {one.meetingId !== null && (
              <>
                {' '}
                <A href={`/meetings/${one.meetingId}`}>the meeting</A>
              </>
            )}
          </td>
        </tr>
      ))}
    </WideTable>
  )
}
