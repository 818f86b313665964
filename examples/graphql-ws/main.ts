/** Notes behind GraphQL subscriptions: a REST API, and one graphql-ws connection for each browser. */
import { createServer } from 'node:http'
import { readToken } from '../nestjs/store.js'
import { createNotesApi } from '../page/api.js'
import { createLine } from './line.js'

const server = createServer()
const line = createLine(server, '/line', {
  authenticate({ token }, identity) {
    const user = readToken(token)?.userId
    if (user === undefined) return { code: 4401, reason: 'token unknown or expired' }
    if (identity !== undefined && identity !== user) return { code: 4410, reason: 'this is somebody else' }
    return user
  },
  mayJoin: (_user, topic) => topic === 'board' || 'there is no such topic',
})

const reserved = (origin: string | undefined) => (origin ? { _line: { origin } } : {})
server.on(
  'request',
  createNotesApi({
    emitToUser: (user, event, origin) => line.emitToUser(user, event, reserved(origin)),
    emitToTopic: (topic, event, origin) => line.emitToTopic(topic, event, reserved(origin)),
    endUser: line.endUser,
  }),
)
server.listen(Number(process.env['PORT'] ?? 8000), '127.0.0.1')
