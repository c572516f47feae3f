import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'

/** Where the page is. */
export interface Place {
  readonly path: string
  readonly search: string
}

const here = (): Place => ({ path: location.pathname, search: location.search })

/** The place that is shown. */
export const place = signal<Place>(here())

addEventListener('popstate', () => {
  const now = here()
  // a new fragment is no new place
  if (now.path !== place.value.path || now.search !== place.value.search) place.value = now
})

/** Goes to a place of the page; a page that comes puts the focus on its heading. */
export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', to)
  else history.replaceState(null, '', to)
  place.value = here()
  scrollTo(0, 0)
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true }))
}

/** A link to a place of the page; with a modifier key it is the browser's. */
export function A(props: { readonly href: string; readonly class?: string; readonly children: ComponentChildren }) {
  const { href, children } = props
  const { path } = place.value
  const isWithin = href !== '/' ? path.startsWith(`${href}/`) : path.startsWith('/meetings/')
  return (
    <a
      href={href}
      class={props.class}
      aria-current={path === href ? 'page' : isWithin ? 'true' : undefined}
      onClick={(event: MouseEvent) => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        go(href)
      }}
    >
      {children}
    </a>
  )
}
