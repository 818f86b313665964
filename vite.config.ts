import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type UserConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `vite build --mode worker`: the SharedWorker as one self-contained file. Everything else of the library is `tsc`'s. */
const worker: UserConfig = {
  build: {
    outDir: at('dist'),
    emptyOutDir: false,
    target: 'es2022',
    sourcemap: 'hidden',
    modulePreload: false,
    rolldownOptions: { input: at('worker/index.ts'), output: { entryFileNames: 'worker.js', codeSplitting: false } },
  },
}

/** `vite` and `vite build`: the demo, a consumer of the package like any other. */
const demo: UserConfig = {
  root: at('demo'),
  plugins: [react()],
  build: { outDir: at('demo/dist'), emptyOutDir: true },
}

export default defineConfig(({ mode }) => (mode === 'worker' ? worker : demo))
