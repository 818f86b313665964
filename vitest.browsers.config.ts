import { defineConfig } from 'vitest/config'

/**
 * The multi-tab smoke in Firefox and WebKit: `npx vitest run -c vitest.browsers.config.ts`. It needs a built demo.
 * The files are not called `*.test.ts`, because Playwright takes every file of that name in e2e/ for its own.
 */
export default defineConfig({
  test: {
    include: ['e2e/browsers/*.smoke.ts'],
    globalSetup: 'e2e/browsers/setup.ts',
    // One browser at a time is as much as two cores can take.
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 90_000, interval: 50 } },
  },
})
