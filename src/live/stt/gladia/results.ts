import type { Clock } from '../../../core/time.js'
import type { ForeignSession, SttPort } from '../port.js'
import { GladiaApi } from './api.js'
import { collectResult } from './collect.js'
import type { Limits } from './limits.js'
import { Redactor } from './redactor.js'
import { StreamMap } from './stream-map.js'
import type { Transport } from './transport.js'
import { UtteranceBook } from './utterances.js'

/** Asks for the texts of a session that another process had opened (`SttPort.results`). */
export async function foreignResults(
  parts: { baseUrl: string; apiKey: string; region: string | null; clock: Clock; limits: Limits; transport: Transport },
  of: ForeignSession,
  signal: AbortSignal,
): ReturnType<NonNullable<SttPort['results']>> {
  const api = new GladiaApi({ ...parts, redactor: new Redactor(parts.apiKey) })
  const outcome = await collectResult(api, of.vendorId, parts, signal)
  if (outcome.kind === 'none') return outcome.isUnknown ? null : { utterances: [], isWhole: false }
  const { result } = outcome
  const view = { map: new StreamMap(), sampleRate: of.sampleRate, sentFrames: of.sentFrames }
  const utterances = new UtteranceBook(of.sessionId).reconcile(result, view)
  return { utterances, isWhole: result.status === 'done' && result.utterances !== null }
}
