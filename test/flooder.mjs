/**
 * A client that sends as fast as it can, whatever it is told, and comes back when it is disconnected. In a thread of its own:
 * what it costs is its own, not the server's. `workerData`: `{ wire, url, lives, perLife, isDeaf }`.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'

const { wire, url, lives, perLife, isDeaf } = workerData
const AT_ONCE = 200
/** Together more than the kernel holds between the two. */
const TEXT = 'x'.repeat(300)
const MAX_WAITING_BYTES = 200_000
const heard = { sent: 0, taken: 0, tooMany: 0, told: 0, statuses: {} }

function take(data) {
  if (data?.ok) heard.taken++
  else if (data?.code === 'too-many') heard.tooMany++
}

/** Resolves when the server has ended it, or when it has sent all. */
async function overSocketIo() {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  let isOver = false
  let letIn
  const admitted = new Promise((resolve) => {
    letIn = resolve
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isOver = true
    letIn()
  })
  socket.on('message', (message) => {
    const text = String(message)
    if (text.startsWith('0')) socket.send('40{"token":"bob"}')
    else if (text.startsWith('40')) letIn()
    else if (text.startsWith('43')) take(JSON.parse(text.replace(/^43\d*/, ''))[0])
    else if (text.startsWith('42["_line"') && text.includes('"too-many"')) heard.told++
  })
  await admitted
  if (isDeaf) socket.pause()
  for (let sent = 0; sent < perLife && !isOver; await turn()) {
    // What is not on its way when it gives up, nobody gets.
    if (socket.bufferedAmount > MAX_WAITING_BYTES) continue
    for (let nth = 0; nth < AT_ONCE; nth++) {
      socket.send(`42${sent++}["chat:say",{"text":"${TEXT}"}]`)
      heard.sent++
    }
  }
  socket.terminate()
}

async function overSse() {
  const life = new AbortController()
  const response = await fetch(url, { headers: { authorization: 'Bearer bob' }, signal: life.signal })
  let stream
  const named = Promise.withResolvers?.() ?? {}
  named.promise ??= new Promise((resolve) => Object.assign(named, { resolve }))
  const reading = (async () => {
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n')
      text = parts.pop()
      for (const part of parts) {
        const event = /^event: (.*)$/m.exec(part)?.[1]
        const data = JSON.parse(/^data: (.*)$/m.exec(part)?.[1] ?? '{}')
        if (data.stream) {
          stream = data.stream
          named.resolve()
          if (isDeaf) return await new Promise(() => undefined)
        } else if (event === '_line:answer') take(data.data)
        else if (event === '_line' && data.code === 'too-many') heard.told++
      }
    }
  })().catch(() => undefined)
  await named.promise
  let isOver = false
  for (let sent = 0; sent < perLife && !isOver; ) {
    const posts = Array.from({ length: 4 }, async () => {
      const frames = Array.from({ length: AT_ONCE }, () => ({
        event: 'chat:say',
        metadata: { text: TEXT },
        request: ++sent,
      }))
      heard.sent += frames.length
      const { status } = await fetch(url, {
        method: 'POST',
        headers: { 'x-partyline-stream': stream },
        body: JSON.stringify(frames),
      })
      heard.statuses[status] = (heard.statuses[status] ?? 0) + 1
      if (status === 404) isOver = true
    })
    await Promise.all(posts)
  }
  if (!isDeaf) await reading
  life.abort()
}

for (let life = 0; life < lives; life++) await (wire === 'sse' ? overSse() : overSocketIo())
parentPort.postMessage(heard)
