import { signal } from '@preact/signals'
import { ask, toApiError, type ApiError } from '../api/client.js'
import type { Permission, Session } from '../api/types.js'

/** Who is logged in: undefined until the server has said so, null when nobody is. */
export const session = signal<Session | null | undefined>(undefined)
/** Why the log-in page is shown, when there is something to say. */
export const loginProblem = signal<string | null>(null)
/** Whether the server did not answer the last time that it was asked. */
export const isAway = signal(false)

/** Whether the one who is logged in may do that; admin may everything, and who writes may read. */
export function may(wanted: Permission): boolean {
  const scopes = session.value?.scopes ?? []
  if (scopes.includes('admin')) return true
  return scopes.includes(wanted) || (wanted === 'meetings:read' && scopes.includes('meetings:write'))
}

/** Takes note of what became of a request. @returns the error, to be shown */
export function noted(thrown: unknown): ApiError {
  const error = toApiError(thrown)
  isAway.value = error.status === 0 && error.code === 'away'
  if (error.status === 401 && session.value) {
    session.value = null
    loginProblem.value = 'You were logged out. Log in again to go on.'
  }
  return error
}

/** Exchanges a key or the token of a link for a session cookie. @throws ApiError */
export async function logIn(by: { readonly key: string } | { readonly link: string }): Promise<Session> {
  const found = await ask<Session>('/session', { method: 'POST', body: by })
  isAway.value = false
  loginProblem.value = null
  session.value = found
  return found
}

/** Ends the session, here and at the server. */
export async function logOut(): Promise<void> {
  await ask('/session', { method: 'DELETE' }).catch(noted)
  session.value = null
}

/** The token of a signed link in the address, which is taken out of it and out of the history at once. */
export function takeLinkToken(): string | null {
  const token = /^#link=([\w.~-]+)$/.exec(location.hash)?.[1]
  if (token === undefined) return null
  history.replaceState(null, '', location.pathname + location.search)
  return token
}

/** Finds out who is logged in. @throws ApiError the server does not answer */
export async function findSession(): Promise<void> {
  try {
    session.value = await ask<Session>('/session')
    isAway.value = false
  } catch (thrown) {
    const error = noted(thrown)
    if (error.status !== 401 && error.status !== 403) throw error
    session.value = null
  }
}
