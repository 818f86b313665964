import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
    restoreMocks: true,
    // Bounds, not measures: a machine under load may take a hundred times as long as an idle one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Examples import the package by its name, and are tested before it is built.
    alias: { 'partyline/server': fileURLToPath(new URL('src/server/index.ts', import.meta.url)) },
  },
})
