/** The least app that a fault can happen to: one line, one query, and credentials that a test may change. */
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { createPartyline, type Host } from 'partyline'

declare global {
  interface Window {
    app: App
    /** Instead of the address's query, in a frame that has no address. */
    parameters?: string
  }
}

interface App {
  readonly line: typeof line
  readonly QueryClient: typeof QueryClient
  client: QueryClient
  readonly errors: { readonly code: string; readonly message: string }[]
  /** The metadata of each `told`. */
  readonly heard: { readonly to: string }[]
  /** The names of the line's states, as they came. */
  readonly states: string[]
  /** The token that `auth` gives. */
  token: string
  /** How often `auth` was called. */
  asked: number
  /** How often the query was fetched. */
  fetches: number
  mount(identity: string, client?: QueryClient): () => void
  /** Resolves once the line is connected. */
  connected(): Promise<void>
  /** A cache of two megabytes. */
  newBulkyClient(): QueryClient
  data(): string | undefined
  /** Changes the data as its author: in a request of the line's, with the answer in the cache. */
  write(value: string): Promise<void>
}

const parameters = new URLSearchParams(window.parameters ?? location.search)
const text = (name: string, byDefault: string) => parameters.get(name) ?? byDefault

const line = createPartyline({
  invalidates: { changed: ['data'], told: { touches: [], targets: (_: { to: string }) => [] } },
  ...(parameters.has('envelope') && { envelope: { on: 'data', event: 'type', metadata: 'payload' } }),
  url: text('url', '/'),
  transport:
    text('transport', 'socket.io') === 'own'
      ? { name: 'own', load: async () => (await import('./own-transport.js')).openOwn }
      : (text('transport', 'socket.io') as 'socket.io' | 'sse'),
  ...(parameters.has('own-worker') && {
    worker: ({ name }) => new SharedWorker(new URL('./own-worker.ts', import.meta.url), { type: 'module', name }),
  }),
  host: text('host', 'auto') as 'auto' | Host,
  jitterMs: Number(text('jitterMs', '0')),
  socket: {
    path: text('path', '/socket.io/'),
    reconnectionDelay: Number(text('reconnectionDelay', '1000')),
    reconnectionDelayMax: 10_000,
    ...(parameters.has('fallback') && { transports: ['websocket', 'polling'], tryAllTransports: true }),
  },
  onError: ({ code, message }) => app.errors.push({ code, message }),
})

const newClient = () => new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } })

/** With `cookie` as in README: an endpoint that reads the browser's cookie makes the token. */
async function auth(): Promise<{ token: string }> {
  app.asked++
  return { token: parameters.has('cookie') ? await (await fetch('/token')).text() : app.token }
}

const getData = async (): Promise<{ value: string }> => {
  app.fetches++
  // Absolute: a frame with `srcdoc` resolves a relative one by its parent's address, and so it does here.
  return (await fetch(new URL('/data', document.baseURI))).json()
}

const app: App = {
  line,
  QueryClient,
  client: newClient(),
  errors: [],
  heard: [],
  states: [],
  token: text('token', text('user', '')),
  asked: 0,
  fetches: 0,
  mount(identity, client = app.client) {
    app.client = client
    const stop = new QueryObserver(client, { queryKey: ['data'], queryFn: getData }).subscribe(() => undefined)
    const unmount = line.mount({ queryClient: client, identity, auth })
    return () => {
      stop()
      unmount()
    }
  },
  connected: () =>
    new Promise((resolve) => {
      const check = () => {
        if (line.status.name !== 'connected') return
        stop()
        resolve()
      }
      const stop = line.subscribe(check)
      check()
    }),
  newBulkyClient() {
    const client = newClient()
    // Doubles can't share their memory, as texts do.
    client.setQueryData(
      ['bulk'],
      Array.from({ length: 250_000 }, () => Math.random()),
    )
    return client
  },
  data: () => app.client.getQueryData<{ value: string }>(['data'])?.value,
  async write(value) {
    const answer = await line.request(async (headers) =>
      (await fetch(`/write?value=${value}`, { method: 'POST', headers })).json(),
    )
    app.client.setQueryData(['data'], answer)
  },
}

line.subscribe(() => app.states.at(-1) !== line.status.name && app.states.push(line.status.name))
line.on('told', (metadata) => app.heard.push(metadata))
if (parameters.has('naive')) new EventSource('/naive')
if (parameters.has('naive-polling'))
  void import('socket.io-client').then(({ io }) => io({ transports: ['polling'], auth: { token: 'ann' } }))
if (parameters.has('topic')) line.topic(text('topic', ''))
window.app = app
if (parameters.has('devtools'))
  void import('partyline/devtools/production').then(({ mountPartylineDevtools }) =>
    mountPartylineDevtools(document.body, line, { isOpen: true }),
  )
if (parameters.has('user')) app.mount(text('user', ''))
