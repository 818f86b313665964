/** Notes behind the Pusher protocol: a REST API with its endpoint for channels, and a Pusher server, in one process. */
import { createServer } from 'node:http'
import express from 'express'
import { readToken } from '../nestjs/store.js'
import { createNotesApi } from '../page/api.js'
import { authOf, type PusherApp, trigger } from './pusher-api.js'
import { createPusherServer } from './pusher-server.js'

const pusherApp: PusherApp = { id: '1', key: 'notes', secret: process.env['PUSHER_SECRET'] ?? 'not for production' }
const port = Number(process.env['PORT'] ?? 8000)

/** Before the answer, as far as possible: then the tab that wrote knows the event as its own. The write has been made by then. */
const emit = (channel: string, event: string, origin: string | undefined) =>
  trigger(pusherApp, `http://127.0.0.1:${port}`, channel, event, origin ? { _line: { origin } } : {}).catch(
    console.error,
  )

const app = createNotesApi({
  emitToUser: (user, event, origin) => emit(`private-user.${user}`, event, origin),
  emitToTopic: (topic, event, origin) => emit(`private-${topic}`, event, origin),
  // The protocol can't end a user's connections, unless they sign in (`pusher:signin`). The token's end does.
  endUser: () => undefined,
})

/** Says who may listen to a channel: in Laravel, `Broadcast::channel('user.{id}', fn ($user, $id) => $user->id === $id)`. */
app.post('/line/auth', express.urlencoded({ extended: false }), (request, response) => {
  const { socket_id: socketId, channel_name: channel } = Object(request.body)
  const user = readToken(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1])?.userId
  if (user === undefined) return void response.status(401).json({ message: 'token unknown or expired' })
  const whose = /^private-user\.(.*)$/.exec(channel)?.[1]
  if (whose !== undefined && whose !== user)
    return void response.status(403).json({ message: 'this is somebody else', code: 'wrong-identity' })
  if (whose === undefined && channel !== 'private-board')
    return void response.status(403).json({ message: 'there is no such channel' })
  response.json({ auth: authOf(pusherApp, String(socketId), channel) })
})

const server = createServer(app)
const pusher = createPusherServer(pusherApp, server, '/line')
app.post('/apps/:id/events', pusher.handle)
server.listen(port, '127.0.0.1')
