/** The server half of the package, used as docs/server.md says: its recipes are type-checked, and those with sockets run. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRedis } from './redis.js'
import { Missing } from './service.js'

/** Without a DOM library, as a backend is compiled; the declarations that ship are checked as well. */
const PROBE = `
import { createNotifier, createSessions, originOf } from 'partyline/server'
import { Server } from 'socket.io'
const io = new Server()
createSessions(io, { authenticate: async ({ token }) => (token === 'x' ? { userId: 'ann' } : 'no') })
const notify = createNotifier<{ balance_updated: { accountId: string } }>(io)
notify.user('ann', 'balance_updated', { accountId: '7' }, { origin: originOf(new Headers()) })
// @ts-expect-error an event that the map does not name
notify.user('ann', 'balance_updatd', { accountId: '7' })
// @ts-expect-error a field that the event does not have
notify.user('ann', 'balance_updated', { acountId: '7' })
`

/** A browser's side of the recipes: it connects, makes a change and hears of it, with its own origin. */
const RUN = `
import { once } from 'node:events'
import { io } from 'socket.io-client'
import { app, http } from './express.ts'

async function use(url) {
  const refused = io(url, { transports: ['websocket'], forceNew: true, auth: { token: 'wrong' } })
  const [error] = await once(refused, 'connect_error')
  if (error.message !== 'token unknown' && error.message !== 'token unknown or expired') throw error
  const socket = io(url, { transports: ['websocket'], forceNew: true, auth: { token: 'secret' } })
  await once(socket, 'connect')
  const heard = once(socket, 'balance_updated')
  const answer = await fetch(url + '/api/accounts/7/deposit', { method: 'POST', headers: { 'x-partyline-origin': 'tab-1' } })
  // The SHA-256 of the header.
  const [metadata] = await heard
  if (answer.status !== 204 || JSON.stringify(metadata) !== '{"accountId":"7","_line":{"origin":"LMbDrmayv1yb0N0rRTt2KM"}}')
    throw new Error(url + ': ' + answer.status + ' ' + JSON.stringify(metadata))
  refused.close()
  return socket
}

http.listen(0, '127.0.0.1')
await once(http, 'listening')
const one = await use('http://127.0.0.1:' + http.address().port)
one.close()
http.close()
`

/** A browser's side of docs/sse.md. */
const RUN_SSE = `
import { once } from 'node:events'
import { createServer } from 'node:http'
import { sseApp } from './sse.ts'

const http = createServer(sseApp).listen(0, '127.0.0.1')
await once(http, 'listening')
const url = 'http://127.0.0.1:' + http.address().port
const refused = await fetch(url + '/events')
if (refused.status !== 401) throw new Error('let in: ' + refused.status)
const { body } = await fetch(url + '/events', { headers: { authorization: 'Bearer secret' } })
let text = ''
for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
  if (text === '') await fetch(url + '/api/profile', { method: 'POST' })
  text += chunk
  if (text.includes('event: profile_updated\\ndata: {}\\n\\n')) process.exit(0)
}
throw new Error('the stream has ended: ' + text)
`

/** The same through a real Redis: a route handler that has no sockets, and a process that has them. */
const RUN_NEXT = `
import { once } from 'node:events'
import { io as connect } from 'socket.io-client'
import { POST } from './next/route.ts'
import { http } from './next/sockets.ts'

http.listen(0, '127.0.0.1')
await once(http, 'listening')
const url = 'http://127.0.0.1:' + http.address().port
const socket = connect(url, { transports: ['websocket'], auth: { token: 'secret' } })
await once(socket, 'connect')
const heard = once(socket, 'balance_updated')
const request = new Request(url, { method: 'POST', headers: { 'x-partyline-origin': 'tab-1' } })
  // The SHA-256 of the header.
const answer = await POST(request, { params: Promise.resolve({ id: '7' }) })
const [metadata] = await heard
if (answer.status !== 204 || JSON.stringify(metadata) !== '{"accountId":"7","_line":{"origin":"LMbDrmayv1yb0N0rRTt2KM"}}')
  throw new Error(answer.status + ' ' + JSON.stringify(metadata))
process.exit(0)
`

/** A job in a process of its own, and a server that hears of it through Redis streams. */
const RUN_JOB = `
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createSessions } from 'partyline/server'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'

const redis = createClient({ url: process.env.REDIS_URL })
await redis.connect()
const http = createServer()
const io = new Server(http, { transports: ['websocket'], adapter: createAdapter(redis) })
createSessions(io, { authenticate: ({ user }) => ({ userId: user }) })
http.listen(0, '127.0.0.1')
await once(http, 'listening')
while (!String(await redis.sendCommand(['CLIENT', 'LIST'])).includes('cmd=xread')) await sleep(10)

const url = 'http://127.0.0.1:' + http.address().port
const [ann, ben] = ['ann', 'ben'].map((user) => connect(url, { transports: ['websocket'], forceNew: true, auth: { user } }))
await Promise.all([ann, ben].map((socket) => once(socket, 'connect')))
const told = []
for (const socket of [ann, ben]) socket.onAny((event, metadata) => told.push([socket.auth.user, event, metadata]))
await promisify(execFile)(process.execPath, ['--import', 'tsx', 'server/job.ts'])
while (told.length === 0) await sleep(10)
if (JSON.stringify(told) !== '[["ann","balance_updated",{"accountId":"7"}]]') throw new Error(JSON.stringify(told))
process.exit(0)
`

const OPTIONS = {
  target: 'es2022',
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  types: ['node'],
}

/** `run` runs a tool of the project's own in a folder; its failure is told by `fault`. */
export async function checkServer(
  folder: string,
  run: (what: string, script: string, args: readonly string[], cwd: string) => void,
  fault: (what: string, details: readonly string[]) => void,
): Promise<void> {
  writeFileSync(join(folder, 'server/probe.ts'), PROBE)
  writeFileSync(join(folder, 'server/run.mjs'), RUN)
  writeFileSync(join(folder, 'server/run-next.mjs'), RUN_NEXT)
  writeFileSync(join(folder, 'server/run-job.mjs'), RUN_JOB)
  writeFileSync(join(folder, 'server/run-sse.mjs'), RUN_SSE)
  const configs = {
    'types of the server half, without a DOM': { lib: ['es2022'], skipLibCheck: false, files: ['server/probe.ts'] },
    'types of docs/server.md': { lib: ['es2022', 'dom'], skipLibCheck: true, include: ['server'] },
  }
  for (const [what, { lib, skipLibCheck, ...which }] of Object.entries(configs)) {
    const config = { compilerOptions: { ...OPTIONS, lib, skipLibCheck }, ...which }
    writeFileSync(join(folder, 'tsconfig.server.json'), JSON.stringify(config))
    run(what, 'typescript/bin/tsc', ['-p', 'tsconfig.server.json'], folder)
  }
  const runNode = (what: string, args: readonly string[], env = process.env) => {
    try {
      execFileSync(process.execPath, args, { cwd: folder, stdio: 'pipe', timeout: 60_000, env })
    } catch (thrown) {
      const { stdout, stderr } = thrown as { stdout?: Buffer; stderr?: Buffer }
      fault(what, `${stdout ?? ''}${stderr ?? ''}${thrown}`.trim().split('\n'))
    }
  }
  runNode("import('partyline/server')", ['-e', "import('partyline/server').then((all) => all.createNotifier.name)"])
  runNode('the recipes of docs/server.md', ['--import', 'tsx', 'server/run.mjs'])
  runNode('the recipe of docs/sse.md', ['--import', 'tsx', 'server/run-sse.mjs'])
  try {
    const redis = await startRedis()
    const env = { ...process.env, REDIS_URL: redis.url }
    runNode('the recipe for Next.js', ['--import', 'tsx', 'server/run-next.mjs'], env)
    runNode('the recipe for a job', ['--import', 'tsx', 'server/run-job.mjs'], env)
    await redis.stop()
  } catch (thrown) {
    // In CI all of it has to run.
    if (!(thrown instanceof Missing) || process.env['CI']) throw thrown
    console.log(`Not run, the recipes that need Redis: ${(thrown as Error).message}`)
  }
}
