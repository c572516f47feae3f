import { UpstreamError } from '../../../core/errors.js'

const FORGET_MS = 5000

/**
 * `DELETE /v2/live/:id`: the service forgets a session, its audio and its texts.
 * @param vendorId the service's own id of the session
 * @throws {UpstreamError} it was not forgotten; retryable when it may be later (a session that still runs cannot be deleted)
 */
export async function forgetSession(baseUrl: string, apiKey: string, vendorId: string): Promise<void> {
  let status: number
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/v2/live/${encodeURIComponent(vendorId)}`, {
      method: 'DELETE',
      headers: { 'x-gladia-key': apiKey },
      redirect: 'manual',
      signal: AbortSignal.timeout(FORGET_MS),
    })
    status = response.status
    await response.body?.cancel()
  } catch (cause) {
    throw new UpstreamError('speech_unreachable', 'the speech service does not answer', { service: 'speech', retryable: true }, { cause })
  }
  if ((status >= 200 && status < 300) || status === 404) return
  const retryable = status === 403 || status === 429 || status >= 500
  throw new UpstreamError('speech_keeps', `the speech service answers ${status} to a deletion`, { service: 'speech', status, retryable })
}
