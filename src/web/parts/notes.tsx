import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/client.js'
import type { Loaded } from '../app/loaded.js'

/** What went wrong, in the server's own words. */
export function Problem({ error }: { readonly error: ApiError | null }) {
  if (error === null) return null
  return (
    <div class="note bad" role="alert">
      <p>{sentence(error.message)}</p>
      {error.problems.length > 0 && (
        <ul>
          {error.problems.map(({ path, message }) => (
            <li key={`${path} ${message}`}>
              {path !== '' && <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** With a capital and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return ''
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.')
}

/** Something that is loaded: says that it loads, what went wrong, or shows it. */
export function Shown<T>({
  of,
  what,
  children,
}: {
  readonly of: Loaded<T>
  readonly what: string
  readonly children: (value: T) => ComponentChildren
}) {
  if (of.value !== null) return <>{children(of.value)}</>
  if (of.error !== null) return <Problem error={of.error} />
  return (
    <p class="quiet loading" role="status">
      Loading {what} …
    </p>
  )
}

/** Nothing is there, and what to do about it. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}
