/** `?host=` forces a host, `?transport=` names another one, `?share` shares fetches. All else is as it comes. */
import { createPartyline, type Host } from 'partyline'
import { attached, client, handlers, run } from './app.js'
import type { Change, Tick } from './events.js'

const search = new URLSearchParams(location.search)
const host = (search.get('host') ?? 'auto') as 'auto' | Host
const errors: string[] = []
const transport = search.get('transport') as 'websocket' | 'sse' | null
const transports = {
  websocket: { transport: 'websocket', url: `${location.origin}/ws` },
  sse: { transport: 'sse', url: `${location.origin}/sse` },
} as const

const line = createPartyline({
  invalidates: {
    tick: { touches: [], targets: (_: Tick & Record<string, unknown>) => [] },
    changed: {
      touches: ['transactions', 'balance'],
      targets: (m: Change) => [
        { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.type } },
        ['balance', m.accountId],
      ],
    },
  },
  host,
  shareFetches: search.has('share'),
  ...(transport ? transports[transport] : { socket: { query: { run } } }),
  onError: ({ code, message }) => errors.push(`${code}: ${message}`),
})
line.on('tick', handlers.tick)
line.on('changed', handlers.changed)
const look = () => {
  if (line.status.name === 'connected') attached()
}
line.subscribe(look)
line.mount({ queryClient: client, identity: run, ...(transport && { auth: () => ({ token: run }) }) })

const { standing } = window.tab
window.tab.standing = () => ({ ...standing(), status: line.status, errors })
