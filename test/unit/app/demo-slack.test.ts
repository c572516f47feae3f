import { expect, it } from 'vitest'
import { Secret } from '../../../src/app/config/secret.js'
import { usesRealSlack } from '../../../src/app/demo/slack.js'

it('the demo posts to the real Slack only where somebody named a channel', () => {
  const slackBotToken = new Secret('xoxb-1')
  expect(usesRealSlack({ slackBotToken, slackChannel: 'trying' })).toBe(true)
  expect(usesRealSlack({ slackBotToken, slackChannel: null })).toBe(false)
  expect(usesRealSlack({ slackBotToken: null, slackChannel: 'trying' })).toBe(false)
})
