import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The system's Chromium. @throws Error when there is none: `npm run setup -- --tests` gets it. Never skip because of it. */
function chromiumPath(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // not there: the next one
      }
    }
  }
  throw new Error('no Chromium: npm run setup -- --tests gets one')
}

/**
 * Starts a real browser without a screen. Close it.
 * @param microphone a WAV file that its microphone plays again and again; the built-in beeps when absent
 */
export function startBrowser(microphone?: string): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-dev-shm-usage',
    '--disable-gpu',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
  ]
  // nothing of ours has a name that must be looked up elsewhere
  args.push('--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns')
  if (microphone !== undefined) args.push(`--use-file-for-fake-audio-capture=${microphone}`)
  return chromium.launch({ executablePath: chromiumPath(), headless: true, args })
}

/** A page and what went wrong in it. */
export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** uncaught errors, and what the content security policy refused */
  readonly faults: string[]
  /** addresses beside the page's own that it asked for */
  readonly foreign: string[]
}

/** How a page is looked at. */
export interface Look {
  readonly scheme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
}

/** Opens a page that is watched. @param own the address of the server under test */
export async function watch(browser: Browser, own: string, { scheme = 'light', width = 1280, height = 860 }: Look = {}): Promise<Watched> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: 'reduce',
    locale: 'en-GB',
    permissions: ['microphone', 'clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  const faults: string[] = []
  const foreign: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (/content security policy|trusted/i.test(message.text())) faults.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(own) && !request.url().startsWith('data:')) foreign.push(request.url())
  })
  return { context, page, faults, foreign }
}

/** The rules of axe that the page breaks, one line each: in both colour schemes, and at the width of a phone. */
export async function axeFaults(page: Page): Promise<string[]> {
  const before = page.viewportSize() ?? { width: 1280, height: 860 }
  const found: string[] = []
  for (const width of [before.width, 360]) {
    await page.setViewportSize({ width, height: before.height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      // there are no frames: no need to open a page for each
      const axe = new AxeBuilder({ page }).setLegacyMode()
      // the scheme changes colours and nothing else
      const { violations } = await (colorScheme === 'light' ? axe : axe.withRules(['color-contrast', 'link-in-text-block'])).analyze()
      for (const { id, nodes } of violations) {
        for (const node of nodes) found.push(`${id} (${colorScheme}, ${width} px): ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`)
      }
      const isTooWide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
      if (isTooWide) found.push(`wider than the screen (${width} px)`)
    }
  }
  await page.setViewportSize(before)
  await page.emulateMedia({ colorScheme: 'light' })
  return found
}
