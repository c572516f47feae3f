import { useState } from 'preact/hooks'
import { ask } from '../api/client.js'
import { useAction } from '../app/loaded.js'
import { Copy } from '../parts/buttons.js'
import { Problem } from '../parts/notes.js'
import { dateTime } from '../text/format.js'

interface Made {
  readonly url: string
  readonly token: string
  readonly expiresAt: string
}

/** Makes a link with which others see this meeting, without a key. */
export function Share({ meetingId }: { readonly meetingId: string }) {
  const [isGuest, setGuest] = useState(false)
  const [made, setMade] = useState<Made | null>(null)
  const action = useAction()
  const make = () =>
    action.run(async () => {
      const link = await ask<Made>(`/v1/meetings/${meetingId}/links`, { method: 'POST', body: isGuest ? { guest: true } : {} })
      setMade(isGuest ? { ...link, url: link.url.replace(/\/#/, '/join#') } : link)
    })
  return (
    <details class="share">
      <summary>Share</summary>
      <div class="pop">
        <p class="quiet">Whoever has the link sees this meeting, and nothing else, until it expires.</p>
        <label class="check">
          <input
            type="checkbox"
            checked={isGuest}
            onChange={(event) => {
              setGuest(event.currentTarget.checked)
              setMade(null)
            }}
          />
          may also join with a microphone
        </label>
        {made === null ? (
          <button type="button" disabled={action.isBusy} onClick={() => void make()}>
            Make a link
          </button>
        ) : (
          <>
            <label>
              Link, valid until {dateTime(made.expiresAt)}
              <input readOnly value={made.url} onFocus={(event) => event.currentTarget.select()} />
            </label>
            <Copy text={made.url}>Copy</Copy>
          </>
        )}
        <Problem error={action.error} />
      </div>
    </details>
  )
}
