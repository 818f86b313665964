import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What depends on TanStack Query and React, once more with the versions of one folder of test/peers. */
const withPeers = (name: string): TestProjectConfiguration => ({
  extends: true,
  test: {
    name,
    include: [
      'src/invalidation/*.test.ts',
      'src/inspect/fetches.test.ts',
      'src/react/*.test.tsx',
      'test/freshness/*.test.ts',
      'test/peers/*.test.ts',
    ],
    // It compares with a function that only newer versions export, and drives no QueryClient.
    exclude: ['src/invalidation/target.test.ts'],
    provide: { peers: name },
  },
  resolve: {
    // Each package finds its own dependencies beside it, so the versions do not mix.
    alias: [
      {
        find: /^(@tanstack\/react-query|@testing-library\/react|react|react-dom)(\/.*)?$/,
        replacement: `${at(`test/peers/${name}/node_modules`)}/$1$2`,
      },
    ],
  },
})

export default defineConfig({
  resolve: {
    // Examples import the package by its name, and are tested before it is built.
    alias: [
      { find: 'partyline/server', replacement: at('src/server/index.ts') },
      // As Node finds it. The other one of its two builds would be a second GraphQL beside that of graphql-ws.
      { find: /^graphql$/, replacement: at('node_modules/graphql/index.js') },
    ],
  },
  test: {
    restoreMocks: true,
    // Bounds, not measures: a machine under load may take a hundred times as long as an idle one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'newest',
          provide: { peers: 'newest' },
          include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['test/peers', '**/node_modules/**'],
        },
      },
      withPeers('middle'),
      withPeers('oldest'),
    ],
  },
})
