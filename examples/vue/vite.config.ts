import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

/** One of the small backends beside this folder. */
const backend = process.env['BACKEND'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [vue()],
  server: { proxy: { '/api': backend, '/socket.io': { target: backend, ws: true } } },
})
