import type { Meeting } from '../api/types.js'
import { useLoaded } from '../app/loaded.js'
import { Heading } from '../parts/frame.js'
import { Shown } from '../parts/notes.js'
import { isRunning } from '../text/sentences.js'
import { FinishedPage } from './finished.js'
import { LivePage } from './live.js'

/** while the last steps run */
const REFRESH_MS = 3_000

/** One meeting: live while a bot is in the room, written up afterwards. */
export function MeetingPage({ id }: { readonly id: string }) {
  const loaded = useLoaded<Meeting>(`/v1/meetings/${id}`)
  return (
    <Shown of={loaded} what="the meeting">
      {(meeting) =>
        isRunning(meeting.state) ? (
          <LivePage meeting={meeting} onEnd={loaded.reload} />
        ) : (
          <AfterIt meeting={meeting} onChange={loaded.reload} />
        )
      }
    </Shown>
  )
}

function AfterIt({ meeting, onChange }: { readonly meeting: Meeting; readonly onChange: () => void }) {
  const fresh = useLoaded<Meeting>(meeting.state === 'finalising' ? `/v1/meetings/${meeting.id}` : null, REFRESH_MS)
  const now = fresh.value ?? meeting
  return (
    <>
      <Heading title={now.title || now.room} />
      <FinishedPage meeting={now} onChange={onChange} />
    </>
  )
}
