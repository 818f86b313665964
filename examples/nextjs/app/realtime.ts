import { createPartyline, message } from 'partyline'

const invalidates = { note_changed: ['note'], board_changed: ['board'] }

/** Server-Sent Events from app/line/route.ts. The hub is in the package's own worker. */
export const line = createPartyline({
  name: 'notes',
  url: '/line',
  transport: 'sse',
  invalidates,
  sends: { 'chat:say': message<{ text: string }, { id: string }>() },
})

/** The same stream by a transport of the app's own, in the app's own worker. */
export const ownLine = createPartyline({
  name: 'notes',
  url: '/line',
  // For browsers without SharedWorker.
  transport: { name: 'event-source', load: async () => (await import('./event-source')).openEventSource },
  worker: ({ name }) => new SharedWorker(new URL('./line-worker.ts', import.meta.url), { type: 'module', name }),
  invalidates,
})
