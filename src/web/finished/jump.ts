import { useEffect, useState } from 'preact/hooks'

/** A moment that was asked for; a new object each time, so that the same moment can be asked for twice. */
export interface Jump {
  readonly target: { readonly ms: number } | null
  /** for the element that holds links to moments */
  readonly onClick: (event: MouseEvent) => void
  /** @param isFocused whether the keyboard goes there too */
  to(ms: number): void
}

const momentIn = (hash: string): number | null => {
  const found = /^#t=(\d{1,12})$/.exec(hash)?.[1]
  return found === undefined ? null : Number(found)
}

/** Links to moments: `#t=` and ms from the meeting's start. */
export function useJump(): Jump {
  const [target, setTarget] = useState<Jump['target']>(() => {
    const ms = momentIn(location.hash)
    return ms === null ? null : { ms }
  })
  useEffect(() => {
    const changed = () => {
      const ms = momentIn(location.hash)
      if (ms !== null) setTarget({ ms })
    }
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return {
    target,
    onClick: (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null
      // the same fragment again is no change to the browser
      if (link?.hash === location.hash && momentIn(link.hash) !== null) setTarget({ ms: momentIn(link.hash) ?? 0 })
    },
    to: (ms) => {
      history.replaceState(null, '', `#t=${Math.max(0, Math.round(ms))}`)
      setTarget({ ms })
    },
  }
}
