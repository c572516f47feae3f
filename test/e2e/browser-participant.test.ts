import { createRequire } from 'node:module'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Meeting, Transcript } from '../../src/web/api/types.js'
import { startBrowser, watch } from '../support/browser.js'
import { fliteClips } from '../support/flite-clips.js'
import { PageStage } from '../support/page-stage.js'
import { writeWav } from '../support/wav.js'

const SAID = 'The quick brown fox jumps over the lazy dog.'
/** words that the recogniser has to get right of those nine */
const ENOUGH_WORDS = 6
const RATE = 16_000

/** One version of one caption, as LiveKit's own client hands it over. */
interface SeenCaption {
  readonly identity: string
  readonly segment: string
  readonly isFinal: boolean
  readonly text: string
}

const CLIENT = createRequire(import.meta.url).resolve('livekit-client')
/** Runs in a browser: joins with LiveKit's client alone and keeps the captions that come. */
const LISTEN = `async ({ url, token }) => {
  window.captions = []
  const room = new LivekitClient.Room()
  room.registerTextStreamHandler('lk.transcription', async (reader, { identity }) => {
    const attributes = reader.info.attributes
    const text = await reader.readAll()
    window.captions.push({ identity, segment: attributes['lk.segment_id'], isFinal: attributes['lk.transcription_final'] === 'true', text })
  })
  await room.connect(url, token)
}`

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? []
const rightWords = (text: string): number => {
  const heard = new Set(wordsOf(text))
  return new Set(wordsOf(SAID).filter((word) => heard.has(word))).size
}

describe('a person in a browser', () => {
  let stage: PageStage
  let browser: Browser
  let folder: string
  let speaker = ''
  let captions: readonly SeenCaption[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-microphone-'))
    const [clip] = await fliteClips([['rms', SAID]])
    // a moment before and a pause after: the microphone plays it again and again
    const samples = new Int16Array(RATE + (clip?.length ?? 0) + 3 * RATE)
    samples.set(clip ?? [], RATE)
    await writeFile(join(folder, 'microphone.wav'), writeWav(samples))
    ;[stage, browser] = await Promise.all([PageStage.start('moonshine', { captions: true }), startBrowser(join(folder, 'microphone.wav'))])
  })

  afterAll(async () => {
    await browser?.close()
    await stage?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** Somebody else in the room, in a page that has LiveKit's client and nothing of ours. */
  async function listener(id: string): Promise<Page> {
    const { page } = await watch(browser, stage.up.url)
    await page.goto(`${stage.up.url}/healthz`)
    await page.addScriptTag({ path: CLIENT })
    const guest = await stage.call('POST', `/v1/meetings/${id}/guest`, { name: 'Listener' })
    await page.evaluate(`(${LISTEN})(${JSON.stringify(guest)})`)
    return page
  }

  it('joins by a link with a microphone, speaks, and reads its words under its name; they are in the transcript', async () => {
    const id = await stage.meeting('browser', 'With a browser')
    const { token } = (await stage.call('POST', `/v1/meetings/${id}/links`, { guest: true })) as { token: string }
    const other = await listener(id)
    const { page, faults, foreign } = await watch(browser, stage.up.url)
    page.setDefaultTimeout(30_000)
    await page.goto(`${stage.up.url}/join#link=${token}`)
    await page.getByLabel('Your name').fill('Fiona Fox')
    expect(new URL(page.url()).hash).toBe('')
    await page.getByRole('button', { name: 'Join by microphone' }).click()
    await page.getByText('You are in the room').waitFor()
    const line = page.locator('.line[data-final=true]', { hasText: 'Fiona Fox' }).filter({ hasText: /fox|dog|brown/i })
    await line.first().waitFor()
    expect(rightWords(await page.locator('.lines').innerText())).toBeGreaterThanOrEqual(ENOUGH_WORDS)
    await other.waitForFunction('window.captions.some(({ isFinal }) => isFinal)')
    captions = await other.evaluate<SeenCaption[]>('window.captions')
    await page.getByRole('button', { name: 'Leave' }).click()
    await page.getByText('You are no longer in the room').waitFor()
    await stage.call('POST', `/v1/meetings/${id}/stop`, {})
    await page.getByText('This meeting is over').waitFor()
    await stage.untilState(id, ['done'])
    const { participants } = (await stage.call('GET', `/v1/meetings/${id}`)) as Meeting
    speaker = participants.find(({ name }) => name === 'Fiona Fox')?.identity ?? ''
    const transcript = (await stage.call('GET', `/v1/meetings/${id}/transcript`)) as Transcript
    expect(new Set(transcript.segments.map(({ name }) => name))).toEqual(new Set(['Fiona Fox']))
    expect(rightWords(transcript.segments.map(({ text }) => text).join(' '))).toBeGreaterThanOrEqual(ENOUGH_WORDS)
    expect(faults).toEqual([])
    expect(foreign.filter((address) => !address.startsWith(stage.livekit.url.replace('ws', 'http')))).toEqual([])
  })

  it("is captioned in the room in its own name: LiveKit's client in a browser gets interim texts that a final one replaces", () => {
    const final = captions.find(({ isFinal, text }) => isFinal && rightWords(text) > 0)
    const versions = captions.filter(({ segment }) => segment === final?.segment)
    expect(versions.filter(({ isFinal }) => !isFinal).length).toBeGreaterThan(0)
    expect(versions.findIndex(({ isFinal }) => isFinal)).toBe(versions.length - 1)
    expect(new Set(captions.map(({ identity }) => identity))).toEqual(new Set([speaker]))
    expect(rightWords(versions.at(-1)?.text ?? '')).toBeGreaterThanOrEqual(ENOUGH_WORDS)
  })
})
