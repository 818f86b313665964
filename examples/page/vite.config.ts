import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const backend = process.env['BACKEND'] ?? 'http://127.0.0.1:8000'

/** `npx vite --config examples/page/vite.config.ts`, in the root after `npm run build`, with one of the backends running. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  worker: { format: 'es' },
  // It waits for its user at the top level.
  build: { target: 'es2022' },
  server: {
    proxy: {
      '/api': backend,
      '/line': { target: backend, ws: true },
      '/socket.io': { target: backend, ws: true },
    },
  },
})
