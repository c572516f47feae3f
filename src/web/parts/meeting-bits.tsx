import { useEffect, useState } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { Meeting, MeetingState, StuckStep } from '../api/types.js'
import { useAction } from '../app/loaded.js'
import { may } from '../app/session.js'
import { clock } from '../app/time.js'
import { moment } from '../text/format.js'
import { isFinal, reasonText, STATE_WORDS } from '../text/sentences.js'
import { Problem, sentence } from './notes.js'

/** The state of a meeting, in words with a mark beside. */
export function State({ state, isPaused = false }: { readonly state: MeetingState; readonly isPaused?: boolean }) {
  const { text, tone } = STATE_WORDS[state]
  const isShownPaused = isPaused && !isFinal(state)
  return (
    <span class={`state ${isShownPaused ? 'calm' : tone}${state === 'live' && !isShownPaused ? ' on-air' : ''}`}>
      {isShownPaused ? 'Paused' : text}
    </span>
  )
}

/** Why it is in that state. */
export function Reason({ reason }: { readonly reason: string | null }) {
  return reason === null ? null : <span class="quiet">{reasonText(reason)}</span>
}

/** The time since the beginning of a meeting, or its length. */
export function Elapsed({ meeting }: { readonly meeting: Pick<Meeting, 'startedAt' | 'endedAt'> }) {
  const [nowMs, setNow] = useState(clock.nowMs())
  const isOver = meeting.endedAt !== null
  useEffect(() => (isOver ? undefined : clock.every(1_000, () => setNow(clock.nowMs()))), [isOver])
  if (meeting.startedAt === null) return null
  const endMs = meeting.endedAt === null ? nowMs : Date.parse(meeting.endedAt)
  return <span class="num">{moment(endMs - Date.parse(meeting.startedAt))}</span>
}

/** The step that was given up and holds a meeting up, with a way on. */
export function Stuck({ step, onRetried }: { readonly step: StuckStep; readonly onRetried: () => void }) {
  const action = useAction()
  return (
    <div class="note bad">
      <p>
        The step “{step.step}” was given up after {step.attempts} attempts: {sentence(step.reason)}
      </p>
      {may('admin') && (
        <button
          type="button"
          disabled={action.isBusy}
          onClick={() =>
            void action.run(async () => {
              await ask(`/v1/dead-letters/${encodeURIComponent(step.id)}/retry`, { method: 'POST' })
              onRetried()
            })
          }
        >
          Try again
        </button>
      )}
      <Problem error={action.error} />
    </div>
  )
}
