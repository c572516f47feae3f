import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Meeting } from '../../../src/web/api/types.js'
import { axeFaults, startBrowser, watch, type Watched } from '../../support/browser.js'
import { FakeApi } from '../../support/fake-api.js'
import { finishedMeeting } from '../../support/page-content.js'
import { until } from '../../support/until.js'

const LIVE_ID = '0199aaaa-0000-7000-8000-000000000002'
const EVIL = '<img src=x onerror="document.title=1"><script>document.title=2</script>'

let browser: Browser
let api: FakeApi
let watched: Watched
let page: Page

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  api = await FakeApi.start()
  watched = await watch(browser, api.url)
  ;({ page } = watched)
  page.setDefaultTimeout(10_000)
})
afterEach(async () => {
  const { faults, foreign } = watched
  await watched.context.close()
  await api[Symbol.asyncDispose]()
  expect({ faults, foreign }).toEqual({ faults: [], foreign: [] })
})

function liveMeeting(own: Partial<Meeting> = {}): Meeting {
  const { meeting } = finishedMeeting(1, LIVE_ID)
  const participants = meeting.participants.map((person) => ({ ...person, leftMs: null }))
  return { ...meeting, participants, state: 'live', reason: null, endedAt: null, title: 'Release meeting', ...own }
}

/** A segment of the feed. */
const spoken = (index: number, text: string, own: object = {}) => ({
  event: 'segment',
  id: `${index}.0`,
  data: {
    id: `s${index}`,
    seq: index,
    utterance: `u${index}`,
    identity: 'p0',
    name: 'Anna Berg',
    startMs: index * 1000,
    endMs: index * 1000 + 900,
    text,
    ...own,
  },
})

async function open(path: string): Promise<void> {
  await page.goto(api.url + path)
  await page.getByLabel('API key').fill(api.key)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Log out' }).waitFor()
}

/** A live meeting whose feed is open. */
async function openLive(own: Partial<Meeting> = {}): Promise<void> {
  const meeting = liveMeeting(own)
  api.meetings.push({ meeting })
  api.tell({ event: 'state', data: meeting })
  await open(`/meetings/${LIVE_ID}`)
  await until(() => api.readers === 1)
}

describe('every page', () => {
  test('axe finds nothing on any of them, in both schemes, wide and at 360 px, and none is wider than its screen', async () => {
    const done = finishedMeeting(60)
    const live = liveMeeting()
    const stuck = { id: 'deliver/1', step: 'deliver', attempts: 5, reason: 'slack: channel_not_found', failedAt: '2026-11-21T10:00:00Z' }
    api.meetings.push(
      { meeting: live },
      { ...done, deliveries: [{ destination: 'slack', part: 'summary', state: 'sent', reference: 'C012/1763.22' }] },
      { meeting: { ...done.meeting, id: 'failed', state: 'failed', reason: 'livekit_unauthorized', title: null, deadLetter: stuck } },
    )
    api.keys.push({
      id: 'k',
      name: 'dashboard',
      scopes: ['meetings:read'],
      rooms: ['team-*'],
      createdAt: '2026-11-20T10:00:00Z',
      lastUsedAt: null,
      revokedAt: null,
    })
    api.audit.push({ id: 1, at: '2026-11-21T10:00:00Z', keyName: 'settings', method: 'POST', path: '/v1/meetings', status: 201 })
    api.deadLetters.push({ ...stuck, meetingId: done.meeting.id })
    api.schedules.push(
      {
        id: 'daily',
        kind: 'cron',
        room: 'standup',
        title: 'Daily',
        cron: '0 9 * * 1-5',
        timeZone: 'Europe/Berlin',
        startAt: null,
        durationSec: 900,
        url: null,
        leadSec: 30,
        enabled: true,
        lastPolledAt: null,
        problem: null,
      },
      {
        id: 'feed',
        kind: 'ics',
        room: null,
        title: null,
        cron: null,
        timeZone: null,
        startAt: null,
        durationSec: null,
        url: 'https://calendar.example.com/x.ics',
        leadSec: 30,
        enabled: true,
        lastPolledAt: '2026-11-21T10:00:00Z',
        problem: 'the calendar answered with 404',
      },
    )
    api.occurrences = [
      {
        id: 'o1',
        startAt: '2026-11-23T08:00:00Z',
        endAt: '2026-11-23T08:15:00Z',
        title: 'Daily',
        room: 'standup',
        roomProblem: null,
        state: 'planned',
        reason: null,
        meetingId: null,
      },
      {
        id: 'o2',
        startAt: '2026-11-24T08:00:00Z',
        endAt: null,
        title: 'Daily',
        room: null,
        roomProblem: 'no pattern matches',
        state: 'missed',
        reason: 'not_running',
        meetingId: null,
      },
    ]
    api.tell({ event: 'state', data: live })
    for (let index = 1; index < 12; index++) api.tell(spoken(index, 'Good morning everybody.'))
    const found: Record<string, readonly string[]> = {}
    await page.goto(api.url)
    await page.getByLabel('API key').waitFor()
    found['log in'] = await axeFaults(page)
    await open('/')
    const places: readonly (readonly [path: string, text: string])[] = [
      ['/', 'Release meeting'],
      [`/meetings/${LIVE_ID}`, 'In the room'],
      [`/meetings/${done.meeting.id}`, 'Not complete.'],
      ['/meetings/failed', 'was given up after 5 attempts'],
      ['/schedules/daily', 'No pattern matches.'],
      ['/keys', 'dashboard'],
      ['/dead-letters', '5 attempts'],
      [`/join?meeting=${LIVE_ID}`, 'Your name'],
    ]
    for (const [path, text] of places) {
      await page.goto(api.url + path)
      await page.getByText(text).first().waitFor()
      found[path] = await axeFaults(page)
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((path) => [path, []])))
  }, 120_000)

  test('by keyboard: the first stop skips to the content, and a page that comes takes the focus to its heading', async () => {
    await open('/')
    await page.reload()
    await page.getByText('No meetings yet').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.getByRole('link', { name: 'Keys' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Keys' }).waitFor()
    await page.waitForFunction("document.activeElement.tagName === 'H1'")
  })

  test('what people are called and say is text, never markup', async () => {
    const { meeting, transcript, ...rest } = finishedMeeting(2)
    const [first] = transcript.segments
    if (first === undefined) throw new Error('no segment')
    api.meetings.push({
      ...rest,
      meeting: { ...meeting, title: EVIL },
      transcript: { ...transcript, segments: [{ ...first, name: EVIL, text: EVIL }] },
    })
    await open(`/meetings/${meeting.id}`)
    await page.locator('.line .text').filter({ hasText: '<img src=x' }).waitFor()
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.title()).toBe(`${EVIL} · roomscribe`)
  })

  test('the problem that the server tells is shown in its own words, with the field', async () => {
    api.refusals.set('POST /v1/meetings', {
      status: 400,
      code: 'input',
      detail: 'the request is wrong',
      errors: [{ path: 'room', message: 'is not allowed here' }],
    })
    await open('/')
    await page.getByLabel('Room').last().fill('x')
    await page.getByRole('button', { name: 'Send the bot' }).click()
    await page.getByRole('alert').getByText('The request is wrong.').waitFor()
    await page.getByRole('alert').getByText('is not allowed here').waitFor()
  })

  test('a link shows its meeting, is gone from the address at once, and a wrong one says so', async () => {
    const done = finishedMeeting(3)
    api.meetings.push(done)
    await page.goto(`${api.url}/#link=${api.linkToken}`)
    await page.getByRole('heading', { name: 'Weekly meeting' }).waitFor()
    expect(page.url()).toBe(`${api.url}/meetings/${done.meeting.id}`)
    expect(await page.getByRole('link', { name: 'Meetings' }).count()).toBe(0)
    await page.goto(`${api.url}/join#link=wrong`)
    await page.getByText('This link is not valid').waitFor()
    expect(page.url()).toBe(`${api.url}/join`)
  })
})

describe('a live meeting', () => {
  test('comes back where it was after the server was away, without loss or doubles, and says so meanwhile', async () => {
    await openLive()
    api.tell(spoken(1, 'one'))
    api.tell({ event: 'partial', data: { id: 'u2', identity: 'p1', name: 'Bashir Khan', startMs: 2000, endMs: 2500, text: 'tw' } })
    await page.locator('.line.partial').waitFor()
    api.goAway()
    await page.getByText('Nothing is lost').waitFor()
    expect(await page.locator('.line.partial').count()).toBe(0)
    api.tell(spoken(2, 'two'))
    api.come()
    await page.locator('.line', { hasText: 'two' }).waitFor()
    expect(api.resumedFrom.at(-1)).toBe('1.0')
    api.tell(spoken(2, 'two'))
    api.tell(spoken(3, 'three'))
    await page.locator('.line', { hasText: 'three' }).waitFor()
    expect(await page.locator('.line .text').allInnerTexts()).toEqual(['one', 'two', 'three'])
    expect(await page.getByText('Nothing is lost').count()).toBe(0)
  })

  test('of three hours keeps a few hundred lines in the page, all at the end, and brings earlier ones when asked', async () => {
    await openLive()
    for (let index = 1; index <= 4000; index++) api.tell(spoken(index, `line ${index}`))
    await page.locator('.line', { hasText: /line 4000$/ }).waitFor()
    expect(await page.locator('.line').count()).toBeLessThanOrEqual(250)
    expect(
      await page.evaluate(
        "(() => { const at = document.querySelector('.scroll'); return at.scrollHeight - at.scrollTop - at.clientHeight })()",
      ),
    ).toBeLessThan(2)
    await page.getByRole('button', { name: /Earlier/ }).click()
    await page.locator('.line', { hasText: /line 3600$/ }).waitFor()
  })

  test('does not move under somebody who reads further up, until they ask for the newest words', async () => {
    await openLive()
    for (let index = 1; index <= 60; index++) api.tell(spoken(index, `line ${index}`))
    await page.locator('.line', { hasText: /line 60$/ }).waitFor()
    await page.evaluate("document.querySelector('.scroll').scrollTop = 0")
    await page.getByRole('button', { name: 'To the newest words' }).waitFor()
    api.tell(spoken(61, 'line 61'))
    await page.locator('.line', { hasText: /line 61$/ }).waitFor({ state: 'attached' })
    expect(await page.evaluate("document.querySelector('.scroll').scrollTop")).toBe(0)
    await page.getByRole('button', { name: 'To the newest words' }).click()
    await page.waitForFunction(
      "(() => { const at = document.querySelector('.scroll'); return at.scrollHeight - at.scrollTop - at.clientHeight < 2 })()",
    )
  })

  test('says who speaks, whose speech waits, that it reconnects, and turns into the finished meeting at its end', async () => {
    await openLive()
    api.tell({ event: 'activity', data: { speaking: ['p1'], waiting: ['p2'] } })
    await page.locator('.people li', { hasText: 'Bashir Khan' }).getByText('speaks').waitFor()
    await page.locator('.people li', { hasText: 'Chiara Conti' }).getByText('waits for a channel').waitFor()
    api.tell({ event: 'state', data: liveMeeting({ state: 'reconnecting' }) })
    await page.getByText('Reconnecting').waitFor()
    api.tell({ event: 'gap', id: '0.1', data: { identity: 'p0', fromMs: 1000, toMs: 4000, reason: 'reconnecting' } })
    await page.getByText('Anna Berg could not be heard for 3.0 s').waitFor()
    // who is the third to come and the first to speak has the colour of the third, here and afterwards
    api.tell(spoken(1, 'one', { identity: 'p2', name: 'Chiara Conti' }))
    await page.locator('.line.who-2', { hasText: 'one' }).waitFor()
    await page.locator('.people li.who-2', { hasText: 'Chiara Conti' }).waitFor()
    const done = finishedMeeting(4, LIVE_ID)
    api.meetings[0] = done
    api.tell({ event: 'end', data: { state: 'done', reason: 'stopped' } })
    await page.getByRole('heading', { name: 'Who spoke when' }).waitFor()
    await page.locator('.timeline li.who-2', { hasText: 'Chiara Conti' }).waitFor()
  })
})

describe('a finished meeting', () => {
  test('of twelve hours shows a part, and a link to any moment brings the words of that moment', async () => {
    const done = finishedMeeting(8000)
    api.meetings.push(done)
    const last = done.transcript.segments.at(-3)
    if (last === undefined) throw new Error('no segment')
    await open(`/meetings/${done.meeting.id}#t=${last.startMs + 10}`)
    await page.locator('.line.target').getByRole('link').waitFor()
    expect(await page.locator('.line.target a').getAttribute('href')).toBe(`#t=${last.startMs}`)
    expect(await page.locator('.line').count()).toBeLessThanOrEqual(600)
  })
  test('goes to a moment once: who then leafs on stays where they are', async () => {
    const done = finishedMeeting(2000)
    api.meetings.push(done)
    const within = done.transcript.segments[500]
    if (within === undefined) throw new Error('no segment')
    await open(`/meetings/${done.meeting.id}#t=${within.startMs}`)
    await page.locator('.line.target').getByRole('link').waitFor()
    await page.getByRole('button', { name: 'Later (1400)' }).click()
    await page.getByRole('button', { name: 'Later (1100)' }).waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Later (1100)')
  })
})
