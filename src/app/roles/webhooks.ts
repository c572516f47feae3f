import { AutoJoin } from '../../control/webhooks/livekit/auto-join.js'
import { webhookRoutes, type WebhookRoutes } from '../../control/webhooks/livekit/routes.js'
import { LivekitCensus } from '../../live/room/livekit/census.js'
import { WebhookVerifier } from '../../live/room/livekit/webhook.js'
import type { Ground } from './ground.js'

/** LiveKit's webhooks as a process takes them. */
export interface Webhooks {
  /** mounted at /webhooks; null when the settings name no LiveKit server: nobody could check its signatures */
  readonly routes: WebhookRoutes | null
  /** No bot joins by itself any more. May be called twice; to be called before meetings are ended. */
  close(): Promise<void>
}

/** LiveKit's webhooks, and bots that join by themselves when `ROOMSCRIBE_AUTO_JOIN` names rooms. */
export function openWebhooks({ settings, records, relay, metrics, clock, logger }: Ground): Webhooks {
  const { livekitUrl: url, livekitApiKey: apiKey, livekitApiSecret: secret, autoJoin: patterns } = settings
  if (url === null || apiKey === null || secret === null) return { routes: null, close: () => Promise.resolve() }
  const apiSecret = secret.reveal()
  const verifier = new WebhookVerifier(apiKey, apiSecret)
  const autoJoin =
    patterns.length === 0
      ? null
      : new AutoJoin({
          census: new LivekitCensus({ url, apiKey, apiSecret }),
          store: records.store,
          book: records.autoJoin,
          queue: relay,
          clock,
          logger,
          patterns,
          minPeople: settings.autoJoinPeople,
          language: settings.language,
          started: (by) => metrics.autoJoins.add(1, { by }),
        })
  autoJoin?.start()
  const routes = webhookRoutes({
    verify: (body, authorization) => verifier.verify(body, authorization),
    book: records.autoJoin,
    look: autoJoin === null ? null : (room) => autoJoin.look(room),
    count: (result) => metrics.webhooks.add(1, { result }),
    logger,
  })
  return { routes, close: async () => autoJoin?.close() }
}
