import { AliveSession, Topic } from '@github/alive-client'

/** The only topic. Its signature is the server's business, and ours does not look. */
const EVENTS = `${btoa(JSON.stringify({ c: 'events', t: 1 }))}--unsigned`

const topic = Topic.parse(EVENTS)
if (!topic) throw new Error('alive-client does not take the topic')
const ports: MessagePort[] = []
let isUp = false

// It has no word for "subscribed", so the server's first message is one.
const url = `${self.location.origin.replace(/^http/, 'ws')}/alive/u/1/ws?run=${self.name}`
const session = new AliveSession(
  url,
  async () => url,
  true,
  (subscribers: Iterable<MessagePort>, { data }: { readonly data: unknown }) => {
    if ((data as { readonly up?: true }).up) {
      isUp = true
      for (const port of ports) port.postMessage('up')
    } else for (const port of subscribers) port.postMessage(data)
  },
)

addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  if (!port) return
  ports.push(port)
  session.subscribe([{ subscriber: port, topic }])
  if (isUp) port.postMessage('up')
})
