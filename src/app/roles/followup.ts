import { createSlackDelivery } from '../../followup/delivery/slack/deliver.js'
import { createPipeline, type Pipeline } from '../../followup/pipeline/pipeline.js'
import { createExtractiveSummariser } from '../../followup/summary/extractive.js'
import { withDistinctNames } from '../../live/transcript/render/speakers.js'
import { loadTranscript } from '../transcripts.js'
import type { Ground } from './ground.js'

/** The steps after a meeting, as a process runs them. */
export interface FollowUp {
  readonly handlers: Pipeline
  /** for banners: where posts go */
  readonly describes: string
}

/** Builds the steps after a meeting and the deliveries that the settings name. */
export function createFollowUp({ settings, records: { store }, clock, logger }: Ground): FollowUp {
  const token = settings.slackBotToken?.reveal()
  const apiUrl = settings.slackApiUrl === null ? {} : { apiUrl: settings.slackApiUrl }
  const slack = token === undefined ? [] : [createSlackDelivery({ token, channel: settings.slackChannel, ...apiUrl, clock, logger, store })]
  const handlers = createPipeline({
    store,
    summariser: createExtractiveSummariser(),
    deliveries: slack,
    // summaries and posts name people without their identity
    loadTranscript: async (id) => withDistinctNames(await loadTranscript(store, id)),
    clock,
    logger,
  })
  return { handlers, describes: token === undefined ? 'off (SLACK_BOT_TOKEN is not set)' : (settings.slackApiUrl ?? 'slack.com') }
}
