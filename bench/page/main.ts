/** The least an app can be: one line, one query, no auth. `?subject=` names it to the server, `?host=` forces a host. */
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { createPartyline, type Host } from 'partyline'

/** What the runner reads, in every kind of page. */
export interface BenchPage {
  /** Events flow, or would if there were any. A tab that follows a leader has the code of a takeover, which comes within 10 s. */
  readonly ready: boolean
  /** This tab owns the socket. */
  readonly leads: boolean
  /** What `leads` is judged by, for messages. */
  readonly standing: string
  /** When (Unix ms) the first event came over each of the server's connections, by the connection's number. */
  readonly first: Record<number, number>
}

declare global {
  interface Window {
    bench: BenchPage
  }
}

const query = new URLSearchParams(location.search)
const host = (query.get('host') ?? 'auto') as 'auto' | Host
const client = new QueryClient()
new QueryObserver(client, {
  queryKey: ['data'],
  queryFn: async () => (await fetch('/data')).json(),
}).subscribe(() => undefined)

const errors: string[] = []
const line = createPartyline({
  invalidates: {
    changed: ['data'],
    // The bench's own event makes nothing stale: what it measures is the way to the tab, not a query's fetch.
    tick: { touches: [], targets: (_: { connection: number }) => [] },
  },
  host,
  socket: { query: { subject: query.get('subject') ?? '' } },
  onError: (error) => errors.push(`${error.code}: ${error.message}`),
})
const first: Record<number, number> = {}
line.on('tick', ({ connection }) => {
  first[connection] ??= Date.now()
})

const hasHubCode = () => performance.getEntriesByType('resource').some(({ name }) => name.includes('/tab-hub'))

window.bench = {
  get ready() {
    const { name, role } = line.status
    return name === 'connected' && (role !== 'follower' || hasHubCode())
  },
  get leads() {
    return line.status.role === 'leader'
  },
  get standing() {
    const { name, host, role, steps, reason } = line.status
    return JSON.stringify({ name, host, role, steps, reason, errors })
  },
  first,
}
line.mount({ queryClient: client, identity: 'bench' })
