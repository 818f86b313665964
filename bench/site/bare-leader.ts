/**
 * The floor of a leader tab: whoever has the lock holds the socket, and posts to one BroadcastChannel. The other tabs listen. Nothing is
 * refetched, and nothing looks after a leader that hangs.
 */
import { attached, handlers, run } from './app.js'
import type { Change, Tick } from './events.js'
import { connect } from './socket.js'

type Message = 'up?' | 'up' | Tick | readonly Change[]

const channel = new BroadcastChannel(run)

function follow({ data }: MessageEvent<Message>): void {
  if (data === 'up') attached()
  else if (data === 'up?') return
  else if ('length' in data) data.forEach(handlers.changed)
  else handlers.tick(data)
}

function lead(): Promise<never> {
  const changes: Change[] = []
  const socket = connect(run)
  const post = (message: Message) => channel.postMessage(message)
  socket.on('connect', () => {
    attached()
    post('up')
  })
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data === 'up?' && socket.connected) post('up')
  }
  socket.on('tick', (tick: Tick) => {
    handlers.tick(tick)
    post(tick)
  })
  // One batch, exactly at the end, as in the floor's worker.
  socket.on('changed', (change: Change) => {
    handlers.changed(change)
    changes.push(change)
    if (change.number === change.of) post(changes.splice(0))
  })
  return new Promise(() => undefined)
}

channel.onmessage = follow
channel.postMessage('up?')
void navigator.locks.request(run, lead)
