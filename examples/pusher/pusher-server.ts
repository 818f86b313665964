/**
 * A small server of the Pusher protocol (https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/),
 * in place of Reverb or Soketi: public and private channels, and the HTTP API's events. No presence, no client events.
 */
import { randomInt, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { type WebSocket, WebSocketServer } from 'ws'
import { authOf, type PusherApp, signedQuery } from './pusher-api.js'

const ACTIVITY_TIMEOUT_S = 120
const PONG_TIMEOUT_MS = 30_000
/** A request of the HTTP API is not taken for longer. */
const MAX_SKEW_S = 600

interface Client {
  readonly socket: WebSocket
  readonly id: string
  readonly channels: Set<string>
}

const isSame = (one: string, other: string) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

const say = ({ socket }: Pick<Client, 'socket'>, event: string, data: object | string, channel?: string) =>
  socket.send(JSON.stringify({ event, ...(channel && { channel }), data: asText(data) }))
/** The protocol has JSON within JSON. */
const asText = (data: object | string) => (typeof data === 'string' ? data : JSON.stringify(data))

/** 4000 to 4099: do not come back like this. 4100 to 4199: in a second or later. 4200 to 4299: at once. */
export function closeWith(client: Pick<Client, 'socket'>, code: number, message: string): void {
  say(client, 'pusher:error', { code, message })
  client.socket.close(code, message)
}

/** Serves the sockets of `server` below `path`. Gives what handles the HTTP API. */
export function createPusherServer(app: PusherApp, server: Server, path = '') {
  const clients = new Set<Client>()
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (opened) => welcome(opened, request))
  })

  function welcome(socket: WebSocket, request: IncomingMessage): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    if (pathname !== `${path}/app/${app.key}`) return void closeWith({ socket }, 4001, 'Application does not exist')
    if (!searchParams.has('protocol')) return void closeWith({ socket }, 4008, 'No protocol version supplied')
    if (searchParams.get('protocol') !== '7') return void closeWith({ socket }, 4007, 'Unsupported protocol version')
    const client: Client = { socket, id: `${randomInt(2 ** 31)}.${randomInt(2 ** 31)}`, channels: new Set() }
    clients.add(client)
    const stopWatching = watch(client)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clients.delete(client)
      stopWatching()
    })
    socket.on('message', (raw) => {
      try {
        const { event, data } = JSON.parse(String(raw))
        take(client, event, typeof data === 'string' ? JSON.parse(data) : Object(data))
      } catch {
        say(client, 'pusher:error', { code: null, message: 'Invalid message' })
      }
    })
    say(client, 'pusher:connection_established', { socket_id: client.id, activity_timeout: ACTIVITY_TIMEOUT_S })
  }

  /** Asks a silent client whether it is there. */
  function watch(client: Client): () => void {
    let timer: NodeJS.Timeout
    const listen = () => {
      clearTimeout(timer)
      timer = setTimeout(ask, ACTIVITY_TIMEOUT_S * 1_000)
    }
    const ask = () => {
      say(client, 'pusher:ping', {})
      timer = setTimeout(() => closeWith(client, 4201, 'Pong reply not received'), PONG_TIMEOUT_MS)
    }
    client.socket.on('message', listen)
    listen()
    return () => clearTimeout(timer)
  }

  function take(client: Client, event: unknown, data: Readonly<Record<string, unknown>>): void {
    const channel = String(data['channel'])
    if (event === 'pusher:ping') say(client, 'pusher:pong', {})
    if (event === 'pusher:unsubscribe') client.channels.delete(channel)
    if (event !== 'pusher:subscribe') return
    if (/^(private|presence)-/.test(channel) && !isSame(String(data['auth']), authOf(app, client.id, channel)))
      return void say(client, 'pusher:error', { code: 4009, message: 'Connection is unauthorized' })
    client.channels.add(channel)
    say(client, 'pusher_internal:subscription_succeeded', {}, channel)
  }

  function publish(channel: string, name: string, data: string): void {
    for (const client of clients) if (client.channels.has(channel)) say(client, name, data, channel)
  }

  const handle: RequestListener = async (request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '', 'http://server')
    const body = await text(request)
    const [now, saidS] = [Date.now() / 1_000, Number(searchParams.get('auth_timestamp'))]
    const expected = signedQuery(app, request.method ?? '', pathname, body, saidS)
    if (!isSame(search, `?${expected}`) || Math.abs(now - saidS) > MAX_SKEW_S) return void response.writeHead(401).end()
    if (pathname !== `/apps/${app.id}/events`) return void response.writeHead(404).end()
    const { name, channels, data } = JSON.parse(body)
    for (const channel of channels) publish(channel, name, data)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }

  return { handle, clients: clients as ReadonlySet<Client> }
}
