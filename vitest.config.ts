import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
    restoreMocks: true,
    // Examples import the package by its name, and are tested before it is built.
    alias: { 'partyline/server': fileURLToPath(new URL('src/server/index.ts', import.meta.url)) },
  },
})
