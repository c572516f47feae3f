import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Segment, Transcript } from '../../src/web/api/types.js'
import type { Script } from '../../src/standins/actors/script.js'
import { axeFaults, startBrowser, watch, type Watched } from '../support/browser.js'
import { PageStage } from '../support/page-stage.js'

const script: Script = {
  cast: [
    { identity: 'anna', name: 'Anna Berg', who: 1, voice: 'slt' },
    { identity: 'bashir', name: 'Bashir Khan', who: 2, voice: 'rms' },
  ],
  steps: [
    { atMs: 500, actor: 'anna', do: 'say', text: 'Good morning everybody, let us begin with the release of the new version.' },
    { atMs: 5_500, actor: 'bashir', do: 'say', text: 'The migration of the old accounts is ready, and we release it on Thursday.' },
  ],
}

/** Each test goes on where the one before ended: one meeting, from log in to what is left of it. */
describe('the page, in a real browser, on the whole of `up`', () => {
  let stage: PageStage
  let browser: Browser
  let watched: Watched
  let page: Page
  let id = ''

  beforeAll(async () => {
    ;[stage, browser] = await Promise.all([PageStage.start('moonshine'), startBrowser()])
    watched = await watch(browser, stage.up.url)
    ;({ page } = watched)
    page.setDefaultTimeout(20_000)
  })

  afterAll(async () => {
    await browser?.close()
    await stage?.[Symbol.asyncDispose]()
  })

  it('says what is wrong with a wrong key, and lets the right one in', async () => {
    await page.goto(stage.up.url)
    await page.getByLabel('API key').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This key is not valid.').waitFor()
    await page.getByLabel('API key').fill(stage.up.apiKey)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('No meetings yet').waitFor()
  })

  it('starts a meeting, and its captions come by person; a partial one becomes final in the same element', async () => {
    await page.getByLabel('Room').last().fill('page')
    await page.getByLabel('Title').fill('Release meeting')
    await page.getByRole('button', { name: 'Send the bot' }).click()
    await page.getByRole('heading', { name: 'Release meeting' }).waitFor()
    id = /\/meetings\/([\w-]+)$/.exec(page.url())?.[1] ?? ''
    await stage.untilState(id, ['waiting', 'live'])
    await using actors = stage.actors('page', script)
    await actors.ready
    await page.getByLabel('People').getByText('Bashir Khan').waitFor()
    actors.go()
    const [partial] = await Promise.all([
      page.waitForSelector('.line.partial'),
      page.getByLabel('People').getByText('speaks').first().waitFor(),
    ])
    await page.waitForFunction((line) => line.getAttribute('data-final') === 'true', partial)
    await page
      .locator('.line[data-final=true]', { hasText: 'Anna Berg' })
      .filter({ hasText: /morning|release/i })
      .first()
      .waitFor()
    await page
      .locator('.line[data-final=true]', { hasText: 'Bashir Khan' })
      .filter({ hasText: /migration|Thursday/i })
      .first()
      .waitFor()
    expect(await axeFaults(page)).toEqual([])
    await actors.ended
  })

  it('pauses and resumes, and stops only when asked twice', async () => {
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Paused: nothing is sent').waitFor()
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'End it' }).click()
    await page.getByRole('heading', { name: 'Who spoke when' }).waitFor()
    await stage.untilState(id, ['done'])
  })

  it('shows of a finished meeting who spoke when, the receipt, and a summary whose times lead to the words', async () => {
    await page.getByText('Complete: everything that was heard').waitFor()
    await page.getByRole('img', { name: /^Anna Berg spoke for/ }).waitFor()
    expect(await page.locator('.timeline .talk').count()).toBeGreaterThanOrEqual(2)
    expect(await page.locator('.timeline .session').count()).toBeGreaterThanOrEqual(1)
    const evidence = page.locator('.evidence').first()
    await evidence.waitFor()
    await evidence.click()
    await page.locator('.line.target').waitFor()
    expect(new URL(page.url()).hash).toMatch(/^#t=\d+$/)
    expect(await axeFaults(page)).toEqual([])
  })

  it('finds words whatever their case, and goes from match to match', async () => {
    await page.getByLabel('Search', { exact: true }).fill('THE ')
    await page.getByText(/\d match/).waitFor()
    expect(await page.locator('mark').count()).toBeGreaterThanOrEqual(2)
    await page.keyboard.press('Enter')
    await page.getByText(/^1 of \d/).waitFor()
    await page.keyboard.press('Shift+Enter')
    await page.getByText(/^(\d+) of \1$/).waitFor()
  })

  it('exports the transcript as a file', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'srt' }).click()])
    expect(download.suggestedFilename()).toMatch(/^Release-meeting-.*\.srt$/)
    expect(await readFile(await download.path(), 'utf8')).toMatch(/-->[^]*Anna Berg/)
  })

  it('a link to a moment opens there, after a log in by a signed link that shows this meeting only', async () => {
    const { segments } = (await stage.call('GET', `/v1/meetings/${id}/transcript`)) as Transcript
    const { startMs } = segments.at(-1) as Segment
    const { url } = (await stage.call('POST', `/v1/meetings/${id}/links`, {})) as { url: string }
    const other = await watch(browser, stage.up.url, { scheme: 'dark', width: 360, height: 740 })
    await other.page.goto(url)
    await other.page.getByRole('heading', { name: 'Who spoke when' }).waitFor()
    await other.page.goto(`${stage.up.url}/meetings/${id}#t=${startMs}`)
    await other.page.locator('.line.target').waitFor()
    expect(await other.page.getByRole('link', { name: 'Keys' }).count()).toBe(0)
    await other.page.goto(`${stage.up.url}/`)
    await other.page.getByRole('heading', { name: 'Release meeting' }).waitFor()
    expect(other.faults).toEqual([])
    await other.context.close()
  })

  it('makes a schedule, shows what it would do before and its next time after', async () => {
    await page.getByRole('link', { name: 'Schedules' }).click()
    await page.getByText('No schedules yet').waitFor()
    await page.getByText('New schedule').click()
    await page.getByLabel('Again and again').check()
    await page.getByLabel('Cron').fill('0 9 * * 1')
    await page.getByLabel('Time zone').fill('Europe/Berlin')
    await page.getByLabel('Room').fill('standup')
    await page.getByRole('button', { name: 'Show what it would do' }).click()
    await page.getByRole('region', { name: 'What it would do' }).getByText('standup').first().waitFor()
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('region', { name: 'The next times' }).getByText('planned').first().waitFor()
    expect(await axeFaults(page)).toEqual([])
  })

  it('makes a key that is shown once, and revokes it', async () => {
    await page.getByRole('link', { name: 'Keys' }).click()
    await page.getByLabel('Name', { exact: true }).fill('dashboard')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const key = (await page.locator('.secret').innerText()).trim()
    expect(key.length).toBeGreaterThan(20)
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByRole('button', { name: 'Revoke dashboard' }).click()
    await page.getByRole('button', { name: 'Revoke it' }).click()
    await page.getByText('revoked').first().waitFor()
    expect(await page.content()).not.toContain(key)
    const answer = await fetch(`${stage.up.url}/v1/meetings`, { headers: { authorization: `Bearer ${key}` } })
    expect(answer.status).toBe(401)
  })

  it('leads an admin to the queues and to the documents of the API, with the same log in', async () => {
    await page.getByRole('link', { name: 'Stuck jobs' }).click()
    await page.getByText('Nothing is stuck.').waitFor()
    for (const path of ['/queues', '/docs']) expect((await page.request.get(stage.up.url + path)).status()).toBe(200)
    const stranger = await fetch(`${stage.up.url}/queues`)
    expect(stranger.status).toBe(401)
  })

  it('asked no foreign host for anything, and the policy had nothing to refuse', () => {
    expect({ faults: watched.faults, foreign: watched.foreign }).toEqual({ faults: [], foreign: [] })
  })
})
