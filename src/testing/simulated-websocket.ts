import type { WebSocketSlice } from '../platform/environment.js'
import { readFrame } from '../transport/frames.js'
import type { Machine } from './machine.js'
import type { ClientEnd, Network, ServerEnd, ServerEndHandlers } from './network.js'
import type { Realm } from './realm.js'
import type { ClientPacket, ServerPacket } from './simulated-packets.js'

/** A client that has sent no credentials for so long is closed. */
const CREDENTIALS_MS = 30_000
/** The longest frame that the server reads, in characters. */
const MAX_FRAME = 65_536

/** What crosses the network between the ends of a WebSocket. Pings and pongs are the protocol's own: no script sees them. */
type WebSocketPacket =
  | { readonly kind: 'frame'; readonly data: unknown }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'ping' | 'pong' }

/** A WebSocket of a realm, as far as transport/websocket.ts uses one. */
export function openSimulatedWebSocket(realm: Realm, network: Network, path: string): WebSocketSlice {
  let end: ClientEnd | undefined
  let isOpen = false
  let closing = { code: 1006, reason: '' }
  const on = <Event>(handler: ((this: WebSocket, event: Event) => unknown) | null, event: object) =>
    handler?.call(socket as WebSocket, event as Event)

  function over(failed: boolean): void {
    isOpen = false
    if (failed) on(socket.onerror, {})
    on(socket.onclose, closing)
  }

  const socket: WebSocketSlice = {
    binaryType: 'blob',
    bufferedAmount: 0,
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send(data) {
      if (isOpen) end?.send({ kind: 'frame', data } satisfies WebSocketPacket)
    },
    close() {
      if (!end) return
      end.close()
      end = undefined
      isOpen = false
      realm.task(0, () => over(false))
    },
  }
  end = network.connect(
    realm,
    {
      onOpen() {
        isOpen = true
        on(socket.onopen, {})
      },
      onFail: () => over(true),
      onPacket(data) {
        const packet = data as WebSocketPacket
        if (packet.kind === 'frame') on(socket.onmessage, { data: packet.data })
        else if (packet.kind === 'close') closing = packet
        else end?.send({ kind: 'pong' } satisfies WebSocketPacket)
      },
      onClose: () => over(false),
    },
    path,
  )
  return socket
}

/**
 * The server's side of the wire in docs/protocol.md, in front of a server that speaks Socket.IO's packets. Some servers say
 * no in a frame, some by the close code alone.
 */
export function createFrameServer(
  { time }: Machine,
  random: () => number,
  accept: (end: ServerEnd) => ServerEndHandlers | undefined,
) {
  return function acceptFrames(end: ServerEnd, path: string): ServerEndHandlers | undefined {
    let hasAuth = false
    const send = (packet: WebSocketPacket) => end.send(packet)
    const say = (event: string, metadata?: unknown) =>
      send({ kind: 'frame', data: JSON.stringify({ event, metadata }) })
    const stopWaiting = time.after(CREDENTIALS_MS, () => close(1008, 'no credentials'))

    function close(code: number, reason: string): void {
      stopWaiting()
      send({ kind: 'close', code, reason })
      end.close()
      server?.onClose()
    }

    function refuse({ reason, code, final }: ServerPacket & { readonly kind: 'refused' }): void {
      // A close code can't tell whose credentials they are.
      if (code === 'wrong-identity' || random() < 0.5) say('_line', { ok: false, message: reason, code, final })
      close(code === 'unavailable' ? 1013 : final ? 4403 : 4401, reason)
    }

    const server = accept({
      close() {
        stopWaiting()
        end.close()
      },
      send(data) {
        const packet = data as ServerPacket
        switch (packet.kind) {
          case 'connected':
            return say('_line', { ok: true })
          case 'refused':
            return refuse(packet)
          case 'event':
            return say(packet.name, packet.metadata)
          case 'garbled':
            return send({ kind: 'frame', data: packet.data })
          case 'kicked':
            return close(4401, 'the session has expired')
          case 'ping':
            return send(packet)
          case 'probed':
            return say('_line:pong')
          case 'renewed':
            return say('_line', { ok: packet.ok, code: packet.code })
          case 'answer':
            return say('_line:answer', { request: packet.request, data: packet.data })
        }
      },
    })
    if (!server) {
      stopWaiting()
      return undefined
    }
    const give = (packet: ClientPacket) => server.onPacket(packet)

    function takeFrame(data: unknown): void {
      const frame = readFrame(data, MAX_FRAME)
      if (typeof frame === 'string') throw new Error(`the client sent a frame that ${frame}`)
      const metadata = (frame.metadata ?? {}) as Readonly<Record<string, unknown>>
      if (frame.event === '_line:ping') give({ kind: 'probe' })
      else if (!frame.event.startsWith('_line')) {
        const { request } = JSON.parse(data as string) as { readonly request?: number }
        give({ kind: 'ask', event: frame.event, data: frame.metadata, request })
      } else if (frame.event !== '_line:auth') give({ kind: 'say', event: frame.event, metadata })
      else if (hasAuth) give({ kind: 'renew', auth: metadata })
      else {
        hasAuth = true
        stopWaiting()
        const { identity } = metadata['_line'] as { readonly identity: string }
        give({ kind: 'connect', auth: metadata, mountedFor: identity, path })
      }
    }

    return {
      onClose() {
        stopWaiting()
        server.onClose()
      },
      onPacket(data) {
        const packet = data as WebSocketPacket
        if (packet.kind === 'frame') takeFrame(packet.data)
        else if (packet.kind === 'pong') give({ kind: 'pong' })
      },
    }
  }
}
