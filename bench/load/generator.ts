/** Many sockets of many users in one process. Not the libraries' own clients: their weight would be most of what is measured. */
import { request } from 'node:http'
import { WebSocket } from 'ws'
import { createBackOff } from '../../src/hub/back-off.js'
import { type FromGenerator, now, type ToGenerator, type Wire } from './messages.js'

/** So many handshakes are under way at a time while the server is filled. */
const AT_ONCE = 50
/** What does not spread tries again after this long (ms). */
const RETRY_MS = 1_000

const tell = (message: FromGenerator) => process.send?.(message)
process.on('disconnect', () => process.exit())

let received = 0
const late = new Map<number, number>()
let comeBack: 'at once' | 'spread' | undefined
let returns: { readonly at: number[]; readonly tookMs: number[] } = { at: [], tookMs: [] }
let attempts = 0
const backOff = createBackOff({}, Math.random)

function arrived(at: number): void {
  const tenths = Math.round((now() - at) * 10)
  received++
  late.set(tenths, (late.get(tenths) ?? 0) + 1)
}

/** Of one attempt: it is in, or it is over, before that or after. */
interface Handlers {
  onIn(): void
  onEnd(): void
}

/** Socket.IO over Engine.IO, as far as it is needed. */
function openSocketIo(port: number, user: number, { onIn, onEnd }: Handlers): void {
  const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`
  const socket = new WebSocket(url, { perMessageDeflate: false })
  socket.on('error', () => undefined)
  socket.on('close', onEnd)
  socket.on('message', (data) => {
    const text = data.toString()
    if (text === '2') socket.send('3')
    else if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token: String(user) })}`)
    else if (text.startsWith('40')) onIn()
    else if (text.startsWith('42["balance')) arrived((JSON.parse(text.slice(2)) as [string, { at: number }])[1].at)
  })
}

function openWebSocket(port: number, user: number, { onIn, onEnd }: Handlers): void {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
  socket.on('error', () => undefined)
  socket.on('close', onEnd)
  socket.on('open', () => socket.send(JSON.stringify({ event: '_line:auth', metadata: { token: String(user) } })))
  socket.on('message', (data) => {
    const { event, metadata } = JSON.parse(String(data)) as { event: string; metadata: { ok?: true; at: number } }
    if (event === 'balance_updated') arrived(metadata.at)
    else if (metadata.ok) onIn()
  })
}

function openStream(port: number, user: number, { onIn, onEnd }: Handlers): void {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${user}` }
  const asked = request({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
    let rest = ''
    response.setEncoding('utf8')
    response.on('error', () => undefined)
    response.on('data', (text: string) => {
      const events = (rest + text).split('\n\n')
      rest = events.pop() ?? ''
      for (const event of events) {
        if (event.includes('"stream"')) onIn()
        else if (event.includes('balance_updated')) {
          const data = event.slice(event.indexOf('data: ') + 6)
          arrived((JSON.parse(data) as { at: number }).at)
        }
      }
    })
  })
  asked.on('error', () => undefined)
  asked.on('close', onEnd)
  asked.end()
}

const OPEN = { 'socket.io': openSocketIo, websocket: openWebSocket, sse: openStream }

/** Resolves once the server has let it in. Afterwards it comes back when it is lost, if it should. */
function connect(wire: Wire, port: number, user: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let failures = 0
    function attempt(): void {
      const began = now()
      let isIn = false
      attempts++
      OPEN[wire](port, user, {
        onIn() {
          if (isIn) return
          isIn = true
          failures = 0
          if (comeBack) {
            returns.at.push(now())
            returns.tookMs.push(now() - began)
          }
          resolve()
        },
        onEnd() {
          if (!comeBack) return reject(new Error('closed'))
          const isFirst = isIn
          const pauseMs = comeBack === 'spread' ? backOff.lost(isFirst ? 0 : ++failures) : isFirst ? 0 : RETRY_MS
          setTimeout(attempt, pauseMs)
        },
      })
    }
    attempt()
  })
}

async function openAll(wire: Wire, ports: readonly number[], from: number, to: number): Promise<number> {
  let next = from
  let failed = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < to) {
        const user = next++
        await connect(wire, ports[user % ports.length] ?? 0, user).catch(() => failed++)
      }
    }),
  )
  return failed
}

process.on('message', (message: ToGenerator) => {
  if (message === 'forget') {
    received = 0
    late.clear()
    tell({ kind: 'done' })
  } else if (message === 'report') tell({ kind: 'report', received, late: [...late] })
  else if (message === 'returns') tell({ kind: 'returns', ...returns, attempts })
  else if ('comeBack' in message) {
    comeBack = message.comeBack
    returns = { at: [], tookMs: [] }
    attempts = 0
    tell({ kind: 'done' })
  } else {
    const { wire, ports, from, to } = message.open
    void openAll(wire, ports, from, to).then((failed) => tell({ kind: 'opened', failed }))
  }
})
