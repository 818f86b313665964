import type { TestProject } from 'vitest/node'
import { type Browsers, ensureBrowsers, isMissing } from '../../scripts/browsers.js'

declare module 'vitest' {
  interface ProvidedContext {
    browsers: Browsers
  }
}

/** Finds the browsers once, before the first test. After the last one it prints those that were missing. */
export default function setup({ provide }: TestProject): () => void {
  const browsers = ensureBrowsers()
  provide('browsers', browsers)
  return () => {
    for (const [engine, browser] of [
      ['Firefox', browsers.firefox],
      ['WebKit', browsers.webkit],
    ] as const) {
      if (isMissing(browser)) console.log(`${engine}: skipped, ${browser.missing}`)
    }
  }
}
