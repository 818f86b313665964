import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type UserConfig } from 'vite'
import { withoutPreloadHelper } from './scripts/preload-helper.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** How long plugins take is no warning to whoever starts the demo. */
const checks = { bundlerTimings: false }

/** `vite build --mode worker`: the SharedWorker as one self-contained file. Everything else of the library is `tsc`'s. */
const worker: UserConfig = {
  plugins: [withoutPreloadHelper],
  build: {
    outDir: at('dist'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: {
      checks,
      input: at('worker/index.ts'),
      output: { entryFileNames: 'worker.js', codeSplitting: false },
    },
  },
}

/** `vite build --mode devtools`: the panel as one self-contained file, with its view library and its styles. */
const devtools: UserConfig = {
  plugins: [withoutPreloadHelper],
  build: {
    outDir: at('dist/devtools'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: {
      checks,
      input: at('src/devtools/panel.tsx'),
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'panel.js', codeSplitting: false },
    },
  },
}

/** `vite build`: the demo's pages, consumers of the package like any other. */
const demo: UserConfig = {
  root: at('demo'),
  plugins: [react()],
  build: {
    outDir: at('demo/dist'),
    emptyOutDir: true,
    // The wall, one of its tiles, and the bank.
    rolldownOptions: { checks, input: ['index', 'tile', 'bank'].map((page) => at(`demo/${page}.html`)) },
  },
}

/** In the source there is no `src/worker.js`: the worker's entry is `worker/index.ts`, which only the build puts there. */
const workerFromSource: Plugin = {
  name: 'worker-from-source',
  enforce: 'pre',
  resolveId: (id) => {
    const [path, query] = id.split('?')
    return path?.endsWith('/src/worker.js') ? `${at('worker/index.ts')}${query ? `?${query}` : ''}` : undefined
  },
}

/** Where `npm run dev` has the demo's server. */
const api = `http://127.0.0.1:${process.env['DEMO_SERVER_PORT'] ?? 4401}`

/** `npm run dev`: the demo over the package's source instead of its build, so that a change of either reloads the page. */
const dev: UserConfig = {
  ...demo,
  plugins: [react(), workerFromSource],
  resolve: {
    alias: [
      { find: /^partyline$/, replacement: at('src/index.ts') },
      { find: /^partyline\/react$/, replacement: at('src/react/index.ts') },
      { find: /^partyline\/devtools\/production$/, replacement: at('src/devtools/production.ts') },
    ],
  },
  server: { proxy: { '/api': api, '/ready': api, '/socket.io': { target: api, ws: true } } },
}

export default defineConfig(({ mode, command }) => {
  if (mode === 'worker') return worker
  if (mode === 'devtools') return devtools
  return command === 'serve' ? dev : demo
})
