/** A request that did not succeed, with the sentence that the server said, or one of ours when it said none. */
export class ApiError extends Error {
  /** HTTP status; 0: no answer came */
  readonly status: number
  readonly code: string
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  /** seconds that the server asks to wait */
  readonly retryAfterSec: number | null

  constructor(
    status: number,
    code: string,
    message: string,
    problems: readonly { readonly path: string; readonly message: string }[] = [],
    retryAfterSec: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.problems = problems
    this.retryAfterSec = retryAfterSec
  }

  /** Whether the same request may succeed later without anybody doing anything. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** What is shown when nobody answered. */
export const AWAY = 'The server does not answer.'

const PLAIN: Readonly<Record<number, string>> = {
  401: 'You are logged out.',
  403: 'This key may not do that.',
  404: 'There is no such thing.',
  429: 'Too many requests: wait a little.',
}

/** The error that an answer stands for. Never throws. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null)
  const found = typeof body === 'object' && body !== null ? (body as { code?: unknown; detail?: unknown; errors?: unknown }) : {}
  const detail =
    typeof found.detail === 'string' ? found.detail : (PLAIN[response.status] ?? `The server answered with ${response.status}.`)
  const problems = Array.isArray(found.errors)
    ? found.errors.flatMap((one: { path?: unknown; message?: unknown }) =>
        typeof one?.path === 'string' && typeof one.message === 'string' ? [{ path: one.path, message: one.message }] : [],
      )
    : []
  const wait = Number(response.headers.get('retry-after') ?? 'none')
  const code = typeof found.code === 'string' ? found.code : String(response.status)
  return new ApiError(response.status, code, detail, problems, Number.isFinite(wait) ? wait : null)
}

/** A body that is sent as it is, with its type. */
export interface RawBody {
  readonly type: string
  readonly text: string
}

/** How to ask. */
export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: object
  readonly raw?: RawBody
  readonly signal?: AbortSignal
}

/**
 * Asks the API, as whoever the cookie says, and waits 20 s at most.
 * @returns the JSON of the answer, undefined without a body
 * @throws ApiError; the signal's reason when it aborted
 */
export async function ask<T>(path: string, { method = 'GET', body, raw, signal }: Ask = {}): Promise<T> {
  const type = raw?.type ?? (body === undefined ? null : 'application/json')
  const late = AbortSignal.timeout(20_000)
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      headers: {
        accept: 'application/json',
        // what a form of another site cannot send
        ...(method === 'GET' ? {} : { 'x-roomscribe': '1' }),
        ...(type === null ? {} : { 'content-type': type }),
      },
      ...(raw === undefined ? (body === undefined ? {} : { body: JSON.stringify(body) }) : { body: raw.text }),
    })
  } catch {
    if (signal?.aborted) throw signal.reason
    throw new ApiError(0, 'away', AWAY, [], null)
  }
  if (!response.ok) throw await errorOf(response)
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    if (signal?.aborted) throw signal.reason
    throw new ApiError(0, 'away', AWAY, [], null)
  }
}

/** Any thrown value as an ApiError. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  return new ApiError(0, 'page', thrown instanceof Error ? thrown.message : String(thrown))
}
