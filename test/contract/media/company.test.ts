import { afterAll, beforeAll, expect, test } from 'vitest'
import { NotFoundError } from '../../../src/core/errors.js'
import { systemClock } from '../../../src/core/time.js'
import { asMeetingId, type MeetingId } from '../../../src/core/ids.js'
import { BotStage } from '../../support/bot-stage.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { SseReader } from '../../support/sse-reader.js'
import { steadyTalk } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

const KEY = 'test-key'
let stage: BotStage
const readers: SseReader[] = []

beforeAll(async () => {
  stage = await BotStage.start('redis')
})
afterAll(async () => {
  for (const reader of readers) reader.close()
  await stage?.[Symbol.asyncDispose]()
})

const call = async (url: string, method: string, path: string, body?: object) => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text.startsWith('{') ? JSON.parse(text) : {}) as { id: string; state: string; paused: boolean } }
}
const read = (url: string, id: MeetingId) => {
  const reader = new SseReader(`${url}/v1/meetings/${id}/live`, KEY)
  readers.push(reader)
  return reader
}

test('two `serve` and two `bot` on PostgreSQL and Redis: meetings spread, one waits, and either serves the feed, the pause and the deletion of any', async () => {
  const [mine, theirs] = [await stage.serve(), await stage.serve()]
  const bots = await Promise.all([stage.bot({ ROOMSCRIBE_MAX_MEETINGS: '2' }), stage.bot({ ROOMSCRIBE_MAX_MEETINGS: '2' })])
  const script = steadyTalk(60)
  const { url, apiKey, apiSecret } = stage.livekit
  await using actors = spawnCrowd({ url, apiKey, apiSecret, room: 'company-0', sampleRate: 48_000, script })
  await actors.ready

  // the same room asked for at both: one meeting; five rooms for four places: one waits
  const ids: MeetingId[] = []
  for (let at = 0; at < 5; at++) {
    const room = `company-${at}`
    const answers = await Promise.all([mine, theirs].map((serve) => call(serve, 'POST', '/v1/meetings', { room })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    ids.push(asMeetingId(answers[0]?.body.id ?? ''))
    if (at < 4) await until(async () => ['waiting', 'live'].includes(await stage.state(ids[at]!)))
  }
  const [talk, , , other, waiting] = ids as [MeetingId, MeetingId, MeetingId, MeetingId, MeetingId]
  const runs = bots.map((bot) => ids.filter((id) => bot.stderr.some((line) => line.includes(id))).length)
  expect(runs).toEqual([2, 2])
  expect(await stage.state(waiting)).toBe('queued')

  // whoever reads, wherever: the same
  const feeds = [mine, theirs].map((serve) => read(serve, talk))
  actors.go()
  await Promise.all(feeds.map((feed) => feed.until(() => feed.of('segment').length >= 5 && feed.of('partial').length > 0)))
  const [a, b] = feeds.map((feed) => feed.of('segment').slice(0, 5))
  expect(a).toEqual(b)

  // paused at one, shown by the other; nothing is heard until it is resumed
  expect((await call(mine, 'POST', `/v1/meetings/${talk}/pause`)).body.paused).toBe(true)
  await Promise.all(feeds.map((feed) => feed.until(() => feed.of('state').at(-1)?.['paused'] === true)))
  // what was said before the pause comes to its end
  await until(async () => {
    const count = feeds[0]!.of('segment').length
    await systemClock.sleep(3_000)
    return feeds[0]!.of('segment').length === count
  })
  const frames = async () => (await stage.records.store.spans(talk)).reduce((sum, { fromFrame, toFrame }) => sum + toFrame - fromFrame, 0)
  const before = await frames()
  await systemClock.sleep(4_000)
  expect(await frames()).toBe(before)
  expect((await call(theirs, 'POST', `/v1/meetings/${talk}/resume`)).body.paused).toBe(false)
  await until(async () => (await frames()) > before)

  // a place that becomes free is taken by the one that waits
  await call(theirs, 'POST', `/v1/meetings/${other}/stop`, {})
  await until(async () => ['waiting', 'live'].includes(await stage.state(waiting)))

  expect(await stage.botsIn('company-0')).toHaveLength(1)
  // deleted at one, gone at the other, its bot gone from the room, its rows gone from the database
  expect((await call(mine, 'DELETE', `/v1/meetings/${talk}`)).status).toBe(202)
  expect((await call(theirs, 'GET', `/v1/meetings/${talk}`)).status).toBe(404)
  const isGone = () =>
    stage.records.store.meeting(talk).then(
      () => false,
      (error: unknown) => error instanceof NotFoundError,
    )
  await until(isGone, 60_000)
  await until(async () => (await stage.botsIn('company-0')).length === 0)
  await Promise.all(feeds.map((feed) => feed.until(() => feed.isClosed).catch(() => undefined)))
  expect(feeds.map((feed) => feed.of('end'))).toEqual([[], []])
})
