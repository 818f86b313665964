/** The server's end of the browsers' one connection each: GraphQL subscriptions over graphql-ws. For one process. */
import type { Server } from 'node:http'
import { buildSchema, GraphQLError } from 'graphql'
import type { ServerOptions } from 'graphql-ws'
import { useServer as serveSockets } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'

/** Why somebody is not let in. `code`: the close code that says so. */
export interface LineRefusal {
  readonly reason: string
  readonly code: number
}

export interface LineOptions {
  /** Whose credentials these are. `identity`: whose connection the browser takes it for. What it throws means "can't tell now". */
  authenticate(credentials: Readonly<Record<string, unknown>>, identity: unknown): string | LineRefusal
  /** True, or why not. */
  mayJoin(user: string, topic: string): true | string
}

interface LineEvent {
  readonly name: string
  readonly metadata?: unknown
}

const schema = buildSchema(`
  scalar JSON
  type Event { name: String!, metadata: JSON }
  type Query { version: Int }
  type Subscription { events: Event!, topic(name: String!): Event! }
`)

/** Where a connection's user is kept. */
type Extra = { readonly socket: WebSocket; user?: string }

export function createLine(server: Server, path: string, { authenticate, mayJoin }: LineOptions) {
  const sockets = new Map<WebSocket, string>()
  /** Who hears what: `user:7`, `topic:board`. */
  const listeners = new Map<string, Set<(event: LineEvent) => void>>()

  function emit(to: string, event: LineEvent): void {
    for (const hear of listeners.get(to) ?? []) hear(event)
  }

  /** All that is emitted from now on, after one that says that it listens. No generator: that can't be ended while it waits. */
  function listen(to: string, field: string, first: LineEvent): AsyncIterableIterator<Record<string, LineEvent>> {
    const waiting = [first]
    let wake = (): void => undefined
    let isOver = false
    const hear = (event: LineEvent) => {
      waiting.push(event)
      wake()
    }
    const all = listeners.get(to) ?? new Set()
    listeners.set(to, all.add(hear))
    return {
      async next() {
        while (!isOver) {
          const event = waiting.shift()
          if (event) return { done: false, value: { [field]: event } }
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        return { done: true, value: undefined }
      },
      async return() {
        isOver = true
        all.delete(hear)
        if (all.size === 0 && listeners.get(to) === all) listeners.delete(to)
        wake()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  const options: ServerOptions<Readonly<Record<string, unknown>>, Extra> = {
    schema,
    roots: {
      subscription: {
        events: (_: unknown, { user }: { user: string }) =>
          listen(`user:${user}`, 'events', { name: '_line', metadata: { identity: user } }),
        topic({ name }: { name: string }, { user }: { user: string }) {
          const answer = mayJoin(user, name)
          if (answer !== true) throw new GraphQLError(answer)
          return listen(`topic:${name}`, 'topic', { name: '_line', metadata: {} })
        },
      },
    },
    context: ({ extra }) => ({ user: extra.user }),
    onConnect({ connectionParams = {}, extra }) {
      const { _line, ...credentials } = connectionParams
      try {
        const answer = authenticate(credentials, Object(_line).identity)
        if (typeof answer !== 'string') {
          extra.socket.close(answer.code, answer.reason)
          return false
        }
        extra.user = answer
        sockets.set(extra.socket, answer)
        extra.socket.once('close', () => sockets.delete(extra.socket))
        return true
      } catch {
        extra.socket.close(1013, 'try again later')
        return false
      }
    },
  }
  const upgraded = new WebSocketServer({ server, path })
  serveSockets(options, upgraded)

  return {
    emitToUser: (user: string, name: string, metadata: unknown = {}) => emit(`user:${user}`, { name, metadata }),
    emitToTopic: (topic: string, name: string, metadata: unknown = {}) => emit(`topic:${topic}`, { name, metadata }),
    /** Ends a user's connections. First end the session, so that its tokens are refused. */
    endUser(user: string): void {
      for (const [socket, whose] of sockets) if (whose === user) socket.close(4401, 'the session has ended')
    },
    sockets: sockets as ReadonlyMap<WebSocket, string>,
    topics: () => [...listeners.keys()].flatMap((name) => /^topic:(.*)$/.exec(name)?.[1] ?? []),
  }
}
