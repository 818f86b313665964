import { launch } from 'puppeteer-core'
import type { Firefox } from '../../scripts/browsers.js'
import { type Driver, tabOf, within } from './driver.js'

const START = 60_000

/** Firefox over WebDriver BiDi, headless. */
export async function launchFirefox({ executablePath }: Firefox): Promise<Driver> {
  const browser = await launch({ browser: 'firefox', executablePath, headless: true, timeout: START })
  return {
    version: await browser.version(),
    async open(url) {
      // A window for each: of the tabs of one window Firefox shows one, and the others are `hidden`.
      const page = await within(START, 'opening a window', browser.newPage({ type: 'window' }))
      await page.goto(url, { timeout: START })
      return tabOf({
        run: async (expression) => String(await page.evaluate(expression)),
        close: () => page.close(),
      })
    },
    quit: () => within(START, 'ending Firefox', browser.close()),
  }
}
