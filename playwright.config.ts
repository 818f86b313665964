import { defineConfig } from '@playwright/test'
import { BROWSER_ARGS, findBrowser } from './scripts/browser.js'

const { executablePath } = findBrowser()

export default defineConfig({
  testDir: 'e2e',
  // Two browsers with twenty tabs each are as much as two cores can take.
  workers: 2,
  fullyParallel: false,
  retries: 0,
  // A bound, not a measure: what is awaited are conditions, on a machine that may have more to do.
  timeout: 240_000,
  expect: { timeout: 90_000 },
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  outputDir: 'test-results/e2e',
  use: {
    launchOptions: { args: BROWSER_ARGS, ...(executablePath && { executablePath }) },
    trace: 'off',
  },
})
