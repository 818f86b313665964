import { randomUUID } from 'node:crypto'
import { MessageBody, type OnGatewayInit, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'
import { createNotifier, createSessions, endUser, type Notifier } from 'partyline/server'
import type { Server } from 'socket.io'
import { readToken } from './store.js'

/** The same map as your `createPartyline<Events>(…)`. */
interface Events {
  note_changed: Record<string, never>
  board_changed: Record<string, never>
}

/** The browsers' one connection each. Inject it wherever something changes: `line.notify.user(id, 'note_changed')`. */
@WebSocketGateway({ connectionStateRecovery: { skipMiddlewares: false } })
export class LineGateway implements OnGatewayInit<Server> {
  notify!: Notifier<Events>
  private server!: Server

  /** Nest calls it before it listens to connections itself, and so must `createSessions` be called. */
  afterInit(server: Server) {
    this.server = server
    createSessions(server, {
      authenticate: ({ token }) => readToken(token) ?? 'token unknown or expired',
      topics: { authorize: (_session, topic) => topic === 'board' || 'there is no such topic' },
    })
    this.notify = createNotifier<Events>(server)
  }

  /** What a page sends by `line.send`. What it gives is the acknowledgement; `ok: false` says no. */
  @SubscribeMessage('chat:say')
  say(@MessageBody() data: unknown) {
    const { text } = Object(data)
    if (typeof text !== 'string' || text === '') return { ok: false, code: 'empty', message: 'Write something first' }
    return { id: randomUUID() }
  }

  /** Ends a user's connections. First end the session, so that its tokens are refused. */
  endUser(userId: string) {
    return endUser(this.server, userId)
  }
}
