/**
 * `npm run dev`: the demo, from the source. Vite serves the page and reloads it; `tsx watch` runs the server behind it and starts
 * it again after a change. `PORT` is the page's (default 4400); the server takes the next one.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'

const port = Number(process.env['PORT'] ?? 4400)
const serverPort = String(port + 1)
// For vite.config.ts.
process.env['DEMO_SERVER_PORT'] = serverPort

const tsx = fileURLToPath(new URL('../node_modules/.bin/tsx', import.meta.url))
const server = spawn(tsx, ['watch', '--clear-screen=false', 'demo/server/main.ts'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: { ...process.env, PORT: serverPort },
  stdio: ['ignore', 'inherit', 'inherit'],
})
const page = await createServer({ server: { port, strictPort: true, host: '127.0.0.1' } })
await page.listen()
console.log(`The page is at http://127.0.0.1:${port}; its server, on port ${serverPort}, needs some seconds to start.`)

let stopping = false
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  server.kill()
  await page.close()
  process.exit(code)
}
server.once('exit', (code) => stop(code ?? 0))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop(0))
