import { UpstreamError } from '../../../core/errors.js'
import { redactText } from '../../../observe/logger.js'

const CHECK_MS = 5000

/**
 * Asks the service whether it takes the key, without opening a session.
 * @throws {UpstreamError} one sentence that says what is wrong and how to put it right
 */
export async function checkGladia(baseUrl: string, apiKey: string): Promise<void> {
  let status: number
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/v2/live?limit=1`, {
      headers: { 'x-gladia-key': apiKey },
      redirect: 'manual',
      signal: AbortSignal.timeout(CHECK_MS),
    })
    status = response.status
    await response.body?.cancel()
  } catch (cause) {
    throw new UpstreamError(
      'speech_unreachable',
      redactText(`the speech service at ${baseUrl} does not answer; check GLADIA_API_URL and the network`),
      { service: 'speech', retryable: true },
      { cause },
    )
  }
  if (status === 200) return
  const facts = { service: 'speech', status, retryable: status >= 500 }
  if (status === 401)
    throw new UpstreamError('speech_unauthorized', 'the speech service does not accept the key; check GLADIA_API_KEY', facts)
  throw new UpstreamError(
    'speech_unexpected',
    redactText(`the speech service at ${baseUrl} answers ${status}; check GLADIA_API_URL`),
    facts,
  )
}
