/** The bare floor: what one would write by hand, without any of a library's care. Socket.IO's own bundle, nothing else. */

const page = (script: string) => `<!doctype html><meta charset="utf-8"><title>floor</title>
<script src="/socket.io.js"></script>
<script>
const subject = new URLSearchParams(location.search).get('subject')
const connect = () => io({ transports: ['websocket'], query: { subject } })
const first = {}
const onTick = ({ connection }) => { first[connection] ??= Date.now() }
${script}
</script>`

/** Waits for a lock, then opens a socket. The other tabs attach to nothing: they are ready once they wait for the lock. */
export const lockPage = page(`
window.bench = { ready: false, leads: false, standing: 'in line', first }
navigator.locks.request('floor', () => {
  bench.leads = true
  bench.standing = 'holds the lock'
  connect().on('connect', () => { bench.ready = true })
  return new Promise(() => {})
})
// The request is queued by the time the browser has answered a later query.
navigator.locks.query().then(() => { bench.ready ||= !bench.leads })`)

/** A worker owns the socket and posts each event. When it dies, its lock becomes free, and the tabs start the next one. */
export const workerPage = page(`
window.bench = { ready: false, leads: false, standing: 'a bare worker', first }
function start() {
  const worker = new SharedWorker('/bare-worker.js?subject=' + subject)
  worker.port.onmessage = ({ data }) => {
    if (data === 'up') {
      bench.ready = true
      navigator.locks.request('bare-worker', async () => {}).then(start)
    } else onTick(data)
  }
}
start()`)

/** It posts `up` only once its lock is held and its socket connected. */
export const bareWorker = `importScripts('/socket.io.js')
const ports = []
let up = false
const subject = new URL(location.href).searchParams.get('subject')
addEventListener('connect', ({ ports: [port] }) => {
  ports.push(port)
  if (up) port.postMessage('up')
})
navigator.locks.request('bare-worker', () => {
  const socket = io({ transports: ['websocket'], query: { subject } })
  socket.on('tick', (tick) => { for (const port of ports) port.postMessage(tick) })
  socket.on('connect', () => {
    up = true
    for (const port of ports) port.postMessage('up')
  })
  return new Promise(() => {})
})`
