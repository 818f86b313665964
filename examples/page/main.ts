/** The page that the small backends share: a note of the user's own, and a board of all users, which is a topic. */
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import {
  createPartyline,
  type Host,
  type PartylineError,
  type Receipt,
  type SharedWorkerOptions,
  type TopicState,
} from 'partyline'

declare global {
  interface Window {
    /** For the console, and for the tests. */
    notes: typeof notes
  }
}

const parameters = new URLSearchParams(location.search)
/** `?transport=socket.io`, or another one, for the backends that speak it. */
const TRANSPORTS = ['websocket', 'socket.io', 'sse'] as const
/** Those of the examples' own: each with its worker, and with its code for a hub in a tab. */
const OWN = {
  pusher: {
    load: async () => (await import('../pusher/pusher-transport.js')).openPusher,
    worker: ({ name }: SharedWorkerOptions) =>
      new SharedWorker(new URL('../pusher/line-worker.ts', import.meta.url), { type: 'module', name }),
  },
  'graphql-ws': {
    load: async () => (await import('../graphql-ws/graphql-transport.js')).openGraphQl,
    worker: ({ name }: SharedWorkerOptions) =>
      new SharedWorker(new URL('../graphql-ws/line-worker.ts', import.meta.url), { type: 'module', name }),
  },
}
const wanted = parameters.get('transport') ?? ''
const own = Object.hasOwn(OWN, wanted) ? OWN[wanted as keyof typeof OWN] : undefined
const transport = TRANSPORTS.find((name) => name === wanted) ?? 'websocket'
const errors: PartylineError[] = []
const receipts: Receipt[] = []

const line = createPartyline({
  name: 'notes',
  url: transport === 'socket.io' ? '/' : '/line',
  ...(own ? { transport: { name: wanted, load: own.load }, worker: own.worker } : { transport }),
  ...(own && { socket: { key: 'notes', authEndpoint: '/line/auth' } }),
  host: (parameters.get('host') ?? 'auto') as 'auto' | Host,
  clearOnSwitch: true,
  invalidates: { note_changed: ['note'], board_changed: ['board'] },
  onError: (error) => errors.push(error),
})
const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } })
line.onReceipt((receipt) => receipts.push(receipt))

async function request(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' }
  async function send(named: Record<string, string>) {
    const init = { method, headers: { ...headers, ...named }, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(`/api/${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    return response.json()
  }
  return method === 'PUT' ? line.request(send) : send({})
}

interface Text {
  readonly text: string
}

/** What is shown, and written when it is changed. */
function show(name: 'note' | 'board'): () => void {
  const input = document.getElementById(name) as HTMLInputElement
  input.onchange = async () => {
    // The answer is this tab's own: the event that follows costs it no fetch.
    queryClient.setQueryData([name], await request('PUT', name, { text: input.value }))
  }
  const observer = new QueryObserver<Text>(queryClient, { queryKey: [name], queryFn: () => request('GET', name) })
  return observer.subscribe(({ data }) => {
    input.value = data?.text ?? ''
  })
}

/** Begins a session in this tab. Gives what ends it. */
function begin(identity: string): () => void {
  const unmount = line.mount({ queryClient, identity, auth: () => request('POST', 'line-token') })
  const leave = line.topic('board', {
    queryKeys: [['board']],
    onState: (state) => {
      notes.board = state
    },
  })
  const stops = [show('note'), show('board')]
  return () => {
    for (const stop of [...stops, leave, unmount]) stop()
  }
}

const notes = {
  line,
  queryClient,
  errors,
  receipts,
  board: { name: 'away' } as TopicState,
  end: (): void => undefined,
  async signIn(name: string) {
    const { id } = await request('POST', 'session', { name })
    notes.end()
    notes.end = begin(id)
  },
  async signOut() {
    // First the line: from here on no tab of this user receives anything.
    line.signOut()
    notes.end()
    await request('DELETE', 'session')
  },
}
window.notes = notes

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-sign-in]'))
  button.onclick = () => notes.signIn(button.dataset['signIn'] ?? '')
;(document.getElementById('sign-out') as HTMLButtonElement).onclick = notes.signOut
line.subscribe(() => {
  const { name, reason = '', tabs } = line.status
  ;(document.getElementById('status') as HTMLElement).textContent = `${name} ${reason}, ${tabs} tabs`
})

/** `?as=ann`: for whom the page takes itself, whatever the cookie says. */
const identity = parameters.get('as') ?? (await request('GET', 'session'))?.id
if (identity) notes.end = begin(identity)
