/** Many sockets of many users in one process. Not socket.io-client: its own weight would be most of what is measured. */
import { WebSocket } from 'ws'
import { type FromGenerator, now, type ToGenerator } from './messages.js'

/** So many handshakes are under way at a time. */
const AT_ONCE = 50

const tell = (message: FromGenerator) => process.send?.(message)
process.on('disconnect', () => process.exit())

let received = 0
const late = new Map<number, number>()

/** Socket.IO over Engine.IO, as far as it is needed. Resolves when the server has let it in. */
function open(port: number, user: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
    perMessageDeflate: false,
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed')))
    socket.on('message', (data) => {
      const text = data.toString()
      if (text === '2') socket.send('3')
      else if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token: String(user) })}`)
      else if (text.startsWith('40')) resolve()
      else if (text.startsWith('42')) {
        const [, { at }] = JSON.parse(text.slice(2)) as [string, { at: number }]
        const tenths = Math.round((now() - at) * 10)
        received++
        late.set(tenths, (late.get(tenths) ?? 0) + 1)
      }
    })
  })
}

async function openAll(port: number, from: number, to: number): Promise<number> {
  let next = from
  let failed = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < to) await open(port, next++).catch(() => failed++)
    }),
  )
  return failed
}

process.on('message', (message: ToGenerator) => {
  if (message === 'forget') {
    received = 0
    late.clear()
    tell({ kind: 'forgotten' })
  } else if (message === 'report') tell({ kind: 'report', received, late: [...late] })
  else {
    const { port, from, to } = message.open
    void openAll(port, from, to).then((failed) => tell({ kind: 'opened', failed }))
  }
})
