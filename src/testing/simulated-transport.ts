import { deliverEvent } from '../transport/metadata.js'
import type { OpenTransport } from '../transport/transport.js'
import { messageOf } from '../util/errors.js'
import type { Network, Wire } from './network.js'
import type { Realm } from './realm.js'
import type { ClientPacket, ServerPacket } from './server-packets.js'
import { PING } from './simulated-server.js'

/** Socket.IO's back-off. Milliseconds. */
const BACKOFF = { first: 1_000, most: 10_000, jitter: 1 }

/** A transport's place on a list, so that the world knows who has one open. */
export interface OpenedTransport {
  readonly realm: Realm
  readonly url: string
  readonly identity: string
  closed: boolean
}

/**
 * Does over the simulated network what transport/socket-io.ts does over the real one: credentials are asked for at every
 * attempt, it comes back by itself with a growing pause, a refusal stops it, missed events come before `onUp`.
 */
export function createSimulatedTransport(
  realm: Realm,
  network: Network,
  chance: () => number,
  register: (opened: OpenedTransport) => void,
): OpenTransport {
  return (settings, handlers) => {
    const opened: OpenedTransport = { realm, url: settings.url, identity: settings.identity, closed: false }
    register(opened)
    let wire: Wire | undefined
    let up = false
    let attempt = 0
    let pauses = 0
    let pid: string | undefined
    let offset: number | undefined
    let stopPause: (() => void) | undefined
    let stopWaiting: (() => void) | undefined
    let probed: (() => void)[] = []
    let renewed: ((answer: 'accepted' | 'refused') => void) | undefined

    /** Forgets the connection there is, without a word to anybody. */
    function drop(): void {
      attempt++
      up = false
      wire = undefined
      probed = []
      renewed = undefined
      stopPause?.()
      stopPause = undefined
      stopWaiting?.()
      stopWaiting = undefined
    }

    function dial(): void {
      drop()
      const mine = attempt
      const isMine = () => mine === attempt && !opened.closed
      const send = (packet: ClientPacket) => wire?.send(packet)
      wire = network.dial(realm, {
        onOpen() {
          if (!isMine()) return
          pauses = 0
          listenForPing(isMine)
          handlers.auth().then(
            (auth) => {
              if (!isMine()) return
              send({
                kind: 'connect',
                auth: auth ?? {},
                // No real server is told: a test that has no tokens can do without.
                mountedFor: settings.identity,
                ...(pid !== undefined && offset !== undefined && { pid, offset }),
              })
            },
            (thrown: unknown) => {
              if (!isMine()) return
              hangUp()
              handlers.onNoCredentials(messageOf(thrown))
            },
          )
        },
        onFail(reason) {
          if (!isMine()) return
          drop()
          pause()
          handlers.onTrouble(reason)
        },
        onPacket(data) {
          if (!isMine()) return
          obey(data as ServerPacket, send, isMine)
        },
        onClose(reason) {
          if (isMine()) lose(reason)
        },
      })
    }

    function obey(packet: ServerPacket, send: (packet: ClientPacket) => void, isMine: () => boolean): void {
      switch (packet.kind) {
        case 'ping':
          send({ kind: 'pong' })
          listenForPing(isMine)
          break
        case 'event':
          offset = packet.offset
          deliverEvent(handlers, packet.name, packet.metadata)
          break
        case 'connected':
          up = true
          pid = packet.pid
          handlers.onUp(packet.recovered)
          break
        case 'refused':
        case 'kicked':
          hangUp()
          handlers.onRefused(packet.kind === 'kicked' ? 'the server closed the connection' : packet.reason)
          break
        case 'probed':
          for (const run of probed.splice(0)) run()
          break
        case 'renewed':
          renewed?.(packet.ok ? 'accepted' : 'refused')
      }
    }

    /** The server's pings stop when the connection is dead, and there is no other sign of that. */
    function listenForPing(isMine: () => boolean): void {
      stopWaiting?.()
      stopWaiting = realm.after(PING.interval + PING.timeout, () => {
        if (!isMine()) return
        wire?.close()
        lose('ping timeout')
      })
    }

    function lose(reason: string): void {
      const wasUp = up
      drop()
      pause()
      if (wasUp) handlers.onDown(reason)
      // Before it was let in, Socket.IO comes back without a word.
    }

    function pause(): void {
      const ms = Math.min(BACKOFF.first * 2 ** pauses++, BACKOFF.most)
      stopPause = realm.after(ms * (1 + (chance() * 2 - 1) * BACKOFF.jitter), dial)
    }

    function hangUp(): void {
      const former = wire
      if (up) former?.send({ kind: 'disconnect' } satisfies ClientPacket)
      drop()
      former?.close()
    }

    return {
      connect() {
        if (!opened.closed && !wire && !stopPause) dial()
      },
      reconnect() {
        if (opened.closed) return
        const former = wire
        const wasUp = up
        drop()
        // No goodbye, which would end the session at the server.
        former?.close()
        if (wasUp) handlers.onDown('forced close')
        dial()
      },
      probe: () =>
        new Promise((resolve) => {
          probed = [resolve]
          wire?.send({ kind: 'probe' } satisfies ClientPacket)
        }),
      renew: (auth) =>
        new Promise((resolve) => {
          renewed = resolve
          wire?.send({ kind: 'renew', auth } satisfies ClientPacket)
        }),
      send(event, metadata) {
        if (up) wire?.send({ kind: 'say', event, metadata } satisfies ClientPacket)
      },
      close() {
        if (!opened.closed) hangUp()
        opened.closed = true
        drop()
      },
    }
  }
}
