import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { clock } from '../app/time.js'

/** A button that asks once more before it does something that cannot be undone. */
export function Confirm(props: {
  readonly children: ComponentChildren
  readonly question: string
  readonly yes: string
  readonly isBusy?: boolean
  readonly class?: string
  readonly onYes: () => void
}) {
  const [isAsking, setAsking] = useState(false)
  const first = useRef<HTMLButtonElement>(null)
  const no = useRef<HTMLButtonElement>(null)
  const wasAsking = useRef(false)
  useEffect(() => {
    if (isAsking) no.current?.focus()
    else if (wasAsking.current) first.current?.focus()
    wasAsking.current = isAsking
  }, [isAsking])
  if (!isAsking) {
    return (
      <button type="button" ref={first} class={props.class} disabled={props.isBusy} onClick={() => setAsking(true)}>
        {props.children}
      </button>
    )
  }
  return (
    <span class="confirm" role="group" aria-label={props.question} onKeyDown={(event) => event.key === 'Escape' && setAsking(false)}>
      <span>{props.question}</span>
      <button
        type="button"
        class="danger"
        onClick={() => {
          setAsking(false)
          props.onYes()
        }}
      >
        {props.yes}
      </button>
      <button type="button" ref={no} onClick={() => setAsking(false)}>
        No
      </button>
    </span>
  )
}

/** Copies a text, and says that it did. */
export function Copy({ text, children }: { readonly text: string; readonly children: ComponentChildren }) {
  const [said, setSaid] = useState<string | null>(null)
  useEffect(() => (said === null ? undefined : clock.after(2_500, () => setSaid(null))), [said])
  return (
    <button
      type="button"
      onClick={() => {
        navigator.clipboard.writeText(text).then(
          () => setSaid('Copied'),
          () => setSaid('Copy it by hand'),
        )
      }}
    >
      <span aria-live="polite">{said ?? children}</span>
    </button>
  )
}
