/** The streams of this process, and what all route handlers share. */
import { randomUUID } from 'node:crypto'
import { createEventStream, createNotifier, createSessions } from 'partyline/server'
import { createTokens, userOf } from './store'

/** The same map as your `createPartyline<Events>(…)`. */
interface Events {
  note_changed: Record<string, never>
  board_changed: Record<string, never>
}

export const sessionIn = ({ headers }: { readonly headers: { get(name: string): string | null } }) =>
  /(?:^|; )session=([^;]*)/.exec(headers.get('cookie') ?? '')?.[1] ?? ''

function createServer() {
  const tokens = createTokens()
  const stream = createEventStream()
  createSessions(stream, {
    // A page's token; or its cookie, for the transport of the app's own, which can't send one.
    authenticate({ token }, { handshake }) {
      const headers = new Headers({ cookie: handshake.headers.cookie ?? '' })
      const userId = token === undefined ? userOf(sessionIn({ headers })) : undefined
      return tokens.read(token) ?? (userId === undefined ? 'token unknown or expired' : { userId })
    },
    topics: { authorize: (_session, topic) => topic === 'board' || 'there is no such topic' },
  })
  stream.on('connection', (socket) => {
    socket.on('chat:say', (data, acknowledge) => {
      const { text } = Object(data)
      const isText = typeof text === 'string' && text !== ''
      const answer = isText ? { id: randomUUID() } : { ok: false, code: 'empty', message: 'Write something first' }
      if (typeof acknowledge === 'function') acknowledge(answer)
    })
  })
  return { tokens, stream, notify: createNotifier<Events>(stream) }
}

// One for the process: Next.js may load this module once for each route.
const shared = globalThis as { notes?: ReturnType<typeof createServer> }
shared.notes ??= createServer()
export const { tokens, stream, notify } = shared.notes
