import type { Change, Tick } from './events.js'
import { connect } from './socket.js'

const ports: MessagePort[] = []
const changes: Change[] = []
const post = (message: unknown) => {
  for (const port of ports) port.postMessage(message)
}

const socket = connect(self.name)
addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  if (!port) return
  ports.push(port)
  if (socket.connected) port.postMessage('up')
})
socket.on('connect', () => post('up'))
socket.on('tick', (tick: Tick) => post(tick))
// Each change carries the size of its burst, which no real event does: so there is one batch per tab, exactly at the end.
socket.on('changed', (change: Change) => {
  changes.push(change)
  if (change.number === change.of) post(changes.splice(0))
})
