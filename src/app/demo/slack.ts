import type { Settings } from '../config/settings.js'

type SlackSettings = Pick<Settings, 'slackBotToken' | 'slackChannel'>

/** Nothing is posted where nobody said: a token without a channel is not enough. */
export const usesRealSlack = ({ slackBotToken, slackChannel }: SlackSettings): boolean => slackBotToken !== null && slackChannel !== null

/** For the banner: where the demo posts. */
export function slackDescribes(settings: SlackSettings): string {
  if (usesRealSlack(settings)) return `the real one, channel ${settings.slackChannel ?? ''}`
  return settings.slackBotToken === null ? 'local stand-in' : 'local stand-in, since ROOMSCRIBE_SLACK_CHANNEL is not set'
}
