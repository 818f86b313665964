import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const django = 'http://127.0.0.1:8000'

/** `vite build`: into `dist`, which Django serves. `vite`: a page that reloads itself, with Django behind it. */
export default defineConfig({
  root: at('.'),
  plugins: [react()],
  worker: { format: 'es' },
  build: { outDir: at('dist'), emptyOutDir: true },
  server: { proxy: { '/api': django, '/line': { target: django, ws: true } } },
})
