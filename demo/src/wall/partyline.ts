import { createPartyline } from 'partyline'
import type { Power, Wire } from './place.js'

/** One line for all tabs. A frozen tab is the library's own matter: it hears `freeze` and `resume`. */
export function openPartyline({ place, client, token, onEvent, onChange }: Power): Wire {
  const line = createPartyline({
    // Two names, as in two browsers: a tab that has no SharedWorker would join a hub that still is in one.
    name: place.host === 'auto' ? 'wall' : 'wall-without-worker',
    invalidates: {
      balance_updated: {
        touches: ['balance'],
        targets: (m: { accountId: string }) => [['balance', m.accountId]],
      },
    },
    host: place.host,
    // The socket ends with the tabs, so that the count is that of the tabs on the screen.
    lingerMs: 500,
    // Only for what the server counts.
    socket: { query: { wall: place.wall, half: place.half } },
    onError: ({ code, message }) => console.warn(code, message),
  })
  line.on('balance_updated', onEvent)
  line.subscribe(onChange)
  line.mount({ queryClient: client, identity: `wall-${place.wall}`, auth: token })
  return {
    read: () => {
      const { name, host, role } = line.status
      return { isConnected: name === 'connected', hub: host === 'shared-worker' ? host : role }
    },
    freeze: () => undefined,
  }
}
