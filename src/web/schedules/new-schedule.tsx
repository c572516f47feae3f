import { useRef, useState } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { Occurrence, Schedule } from '../api/types.js'
import { useAction } from '../app/loaded.js'
import { go } from '../app/router.js'
import { Problem } from '../parts/notes.js'
import { bodyOf, emptyDraft, isWhole, type Draft } from './draft.js'
import { Occurrences } from './occurrences.js'

const KINDS: readonly { readonly kind: Draft['kind']; readonly text: string }[] = [
  { kind: 'once', text: 'Once' },
  { kind: 'cron', text: 'Again and again' },
  { kind: 'ics', text: 'From a calendar' },
]
/** A calendar file that is larger than this is none. */
const MAX_FILE_BYTES = 5_000_000

const toIso = (local: string): string => {
  const date = new Date(local)
  return Number.isNaN(date.getTime()) ? local : date.toISOString()
}

/** The form of a new schedule, with a look at what it would do. */
export function NewSchedule({ onMade }: { readonly onMade: () => void }) {
  const [draft, setDraft] = useState(() => emptyDraft(Intl.DateTimeFormat().resolvedOptions().timeZone))
  const [preview, setPreview] = useState<readonly Occurrence[] | null>(null)
  const [fileProblem, setFileProblem] = useState<string | null>(null)
  const box = useRef<HTMLDetailsElement>(null)
  const action = useAction()
  const change = (part: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...part }))
    setPreview(null)
  }
  const look = () =>
    action.run(async () => {
      const body = draft.kind === 'ics' && draft.ics !== null ? { ics: draft.ics } : bodyOf(draft, toIso)
      setPreview((await ask<{ readonly items: readonly Occurrence[] }>('/v1/schedules/preview', { method: 'POST', body })).items)
    })
  const make = () =>
    action.run(async () => {
      const { id } = await ask<Schedule>('/v1/schedules', { method: 'POST', body: bodyOf(draft, toIso) })
      if (draft.kind === 'ics' && draft.ics !== null) {
        await ask(`/v1/schedules/${id}/feed`, { method: 'PUT', raw: { type: 'text/calendar', text: draft.ics } })
      }
      setDraft(emptyDraft(draft.timeZone))
      setPreview(null)
      if (box.current !== null) box.current.open = false
      onMade()
      go(`/schedules/${id}`)
    })
  const choose = (file: File | undefined) => {
    if (file === undefined) return
    if (file.size > MAX_FILE_BYTES) {
      setFileProblem('A calendar file may have 5 MB at most.')
      return
    }
    setFileProblem(null)
    file.text().then(
      (ics) => change({ ics }),
      () => setFileProblem('The file cannot be read.'),
    )
  }
  return (
    <details class="card new" ref={box}>
      <summary>New schedule</summary>
      <form
        class="start"
        aria-label="New schedule"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <fieldset class="kinds">
          <legend>When</legend>
          {KINDS.map(({ kind, text }) => (
            <label class="check" key={kind}>
              <input type="radio" name="kind" checked={draft.kind === kind} onChange={() => change({ kind })} />
              {text}
            </label>
          ))}
        </fieldset>
        {draft.kind === 'once' && (
          <label>
            Begins
            <input
              type="datetime-local"
              required
              value={draft.startAt}
              onInput={(event) => change({ startAt: event.currentTarget.value })}
            />
          </label>
        )}
        {draft.kind === 'cron' && (
          <label>
            <span>
              Cron <span class="quiet">minute hour day month weekday</span>
            </span>
            <input required class="mono" value={draft.cron} onInput={(event) => change({ cron: event.currentTarget.value })} />
          </label>
        )}
        {draft.kind === 'ics' && (
          <>
            <label class="grow">
              Address of the calendar
              <input type="url" placeholder="https://" value={draft.url} onInput={(event) => change({ url: event.currentTarget.value })} />
            </label>
            <label>
              or its file
              <input type="file" accept=".ics,text/calendar" onChange={(event) => choose(event.currentTarget.files?.[0])} />
            </label>
          </>
        )}
        {draft.kind !== 'ics' && (
          <label class="short">
            Minutes
            <input
              type="number"
              min="1"
              max="1440"
              value={draft.minutes}
              onInput={(event) => change({ minutes: event.currentTarget.value })}
            />
          </label>
        )}
        {draft.kind !== 'once' && (
          <label>
            Time zone
            <input value={draft.timeZone} onInput={(event) => change({ timeZone: event.currentTarget.value })} />
          </label>
        )}
        <label class="grow">
          <span>Room{draft.kind === 'ics' && <span class="quiet"> if not the one in each entry</span>}</span>
          <input
            required={draft.kind !== 'ics'}
            maxLength={256}
            value={draft.room}
            onInput={(event) => change({ room: event.currentTarget.value })}
          />
        </label>
        <label class="grow">
          <span>
            Title <span class="quiet">if any</span>
          </span>
          <input maxLength={300} value={draft.title} onInput={(event) => change({ title: event.currentTarget.value })} />
        </label>
        <div class="controls">
          <button type="button" disabled={action.isBusy || !isWhole(draft)} onClick={() => void look()}>
            Show what it would do
          </button>
          <button type="submit" class="primary" disabled={action.isBusy || !isWhole(draft)}>
            Create
          </button>
        </div>
      </form>
      {fileProblem !== null && (
        <p class="note bad" role="alert">
          {fileProblem}
        </p>
      )}
      <Problem error={action.error} />
      {preview !== null && (
        <section>
          <h2>What it would do</h2>
          <Occurrences items={preview} label="What it would do" />
        </section>
      )}
    </details>
  )
}
