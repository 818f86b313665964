import { deliverEvent } from '../transport/metadata.js'
import {
  type OpenTransport,
  type RenewalOutcome,
  readRefusal,
  readRenewalAnswer,
  type Transport,
  type TransportHandlers,
} from '../transport/transport.js'
import { webSocketTransport } from '../transport/websocket.js'
import { messageOf } from '../util/errors.js'
import type { Settings } from '../wire/protocol.js'
import type { ClientEnd, Network } from './network.js'
import type { Realm } from './realm.js'
import { createPingTimeout } from './simulated-heartbeat.js'
import type { ClientPacket, ServerPacket } from './simulated-packets.js'
import { openSimulatedWebSocket } from './simulated-websocket.js'

/** A transport in a list of all, which tells tests where one is open. */
export interface OpenedTransport {
  readonly realm: Realm
  readonly url: string
  readonly identity: string
  readonly path: string
  closed: boolean
}

/** Which of the server's endpoints the settings ask for. */
export type PathOf = (settings: Settings) => string

/** Socket.IO's behaviour over the simulated network; or the real transport/websocket.ts, over simulated WebSockets. */
export function createSimulatedTransport(
  realm: Realm,
  network: Network,
  register: (opened: OpenedTransport) => void,
  pathOf: PathOf = ({ socket }) => String(socket['path'] ?? ''),
): OpenTransport {
  return (settings, handlers) => {
    const { url, identity, transport } = settings
    const opened: OpenedTransport = { realm, url, identity, path: pathOf(settings), closed: false }
    register(opened)
    if (transport === 'websocket') return openOverWebSocket({ realm, network, opened, settings, handlers })
    return openSimulatedTransport({ realm, network, opened, settings, handlers })
  }
}

interface TransportContext {
  readonly realm: Realm
  readonly network: Network
  readonly opened: OpenedTransport
  readonly settings: Settings
  readonly handlers: TransportHandlers
}

function openOverWebSocket({
  realm,
  network,
  opened,
  settings,
  handlers,
}: TransportContext): ReturnType<OpenTransport> {
  const open = webSocketTransport({
    timers: { after: realm.after },
    openWebSocket: () => openSimulatedWebSocket(realm, network, opened.path),
  })
  const transport = open(settings, handlers)
  return {
    ...transport,
    close() {
      opened.closed = true
      transport.close()
    },
  }
}

/**
 * Does over the simulated network what transport/socket-io.ts does over the real one: one attempt at a time, each with
 * credentials of its own; missed events come before `onUp`.
 */
function openSimulatedTransport(context: TransportContext): ReturnType<OpenTransport> {
  const { realm, network, opened, settings, handlers } = context
  let end: ClientEnd | undefined
  let attempt = 0
  const session: ClientSession = { up: false, pid: undefined, offset: undefined }
  const pending = createPendingAnswers()
  const pingTimeout = createPingTimeout(realm)

  /** Forgets the connection, without a packet to the server or a call to a handler. */
  function drop(): void {
    attempt++
    session.up = false
    end = undefined
    pending.forget()
    pingTimeout.stop()
  }

  function connect(): void {
    drop()
    const current = attempt
    const isCurrent = () => current === attempt && !opened.closed
    const ifCurrent =
      <Args extends unknown[]>(run: (...args: Args) => void) =>
      (...args: Args) => {
        if (isCurrent()) run(...args)
      }
    const sendConnect = ifCurrent((auth: Readonly<Record<string, unknown>> | undefined) => {
      const { pid, offset } = session
      const recoverable = pid !== undefined && offset !== undefined && { pid, offset }
      // A real server does not get `mountedFor`: it lets a test without tokens do without `identify`.
      send({ kind: 'connect', auth: auth ?? {}, mountedFor: settings.identity, path: opened.path, ...recoverable })
    })
    const failWithoutCredentials = ifCurrent((thrown: unknown) => {
      hangUp()
      handlers.onNoCredentials(messageOf(thrown))
    })
    const onSilence = ifCurrent(() => {
      end?.close()
      lose('ping timeout')
    })
    end = network.connect(realm, {
      onOpen: ifCurrent(() => {
        pingTimeout.start(onSilence)
        handlers.auth().then(sendConnect, failWithoutCredentials)
      }),
      onFail: ifCurrent((reason: string) => {
        drop()
        handlers.onAttemptFailed(reason)
      }),
      onPacket: ifCurrent((data: unknown) => {
        handlers.onAlive()
        const packet = data as ServerPacket
        if (packet.kind === 'ping') {
          handlers.onPing()
          send({ kind: 'pong' })
          pingTimeout.start(onSilence)
        } else if (packet.kind === 'probed' || packet.kind === 'renewed' || packet.kind === 'answer')
          pending.answer(packet)
        else handlePacket(packet, session, handlers, hangUp)
      }),
      onClose: ifCurrent(lose),
    })
  }

  const send = (packet: ClientPacket): void => end?.send(packet)

  function lose(reason: string): void {
    const wasUp = session.up
    drop()
    if (wasUp) handlers.onDown(reason)
    else handlers.onAttemptFailed(reason)
  }

  function hangUp(): void {
    const former = end
    if (session.up) send({ kind: 'disconnect' })
    drop()
    former?.close()
  }

  /** Without `disconnect`, which would end the session at the server. */
  function cut(): void {
    const former = end
    drop()
    former?.close()
  }

  return {
    connect() {
      if (!opened.closed && !end) connect()
    },
    reconnect() {
      if (opened.closed) return
      cut()
      connect()
    },
    disconnect(kept) {
      if (opened.closed) return
      if (kept === 'keep') return cut()
      hangUp()
      session.pid = undefined
    },
    probe() {
      send({ kind: 'probe' })
      return pending.probe()
    },
    renew(auth) {
      send({ kind: 'renew', auth })
      return pending.renewal()
    },
    ...simulatedSenders(session, pending, send),
    close() {
      if (!opened.closed) hangUp()
      opened.closed = true
      drop()
    },
  }
}

const simulatedSenders = (
  session: ClientSession,
  pending: ReturnType<typeof createPendingAnswers>,
  send: (packet: ClientPacket) => void,
): Pick<Transport, 'send' | 'ask' | 'tell'> => ({
  send(event, metadata) {
    if (session.up) send({ kind: 'say', event, metadata })
  },
  async ask(event, data) {
    if (!session.up) throw new Error('not connected')
    return pending.acknowledgement((request) => send({ kind: 'ask', event, data, request }))
  },
  tell(event, data) {
    if (session.up) send({ kind: 'ask', event, data })
  },
})

/** What outlives a connection, so that the next one can recover it. */
interface ClientSession {
  up: boolean
  pid: string | undefined
  /** The running number of the newest event. */
  offset: number | undefined
}

function handlePacket(
  packet: Exclude<ServerPacket, { readonly kind: 'ping' | 'probed' | 'renewed' | 'answer' }>,
  session: ClientSession,
  handlers: TransportHandlers,
  hangUp: () => void,
): void {
  switch (packet.kind) {
    case 'event':
      session.offset = packet.offset
      deliverEvent(handlers, packet.name, packet.metadata)
      break
    case 'garbled':
      session.offset = packet.offset
      deliverEvent(handlers, packet.name, packet.data)
      break
    case 'connected':
      session.up = true
      session.pid = packet.pid
      handlers.onUp(packet.recovered)
      break
    case 'refused':
    case 'kicked': {
      const reason = packet.kind === 'kicked' ? 'the server closed the connection' : packet.reason
      const refusal = readRefusal(reason, packet)
      hangUp()
      if (refusal) handlers.onRefused(refusal)
      else handlers.onAttemptFailed(reason)
    }
  }
}

/**
 * The latest probe and renewal, until the server answers: a later question takes the place of an earlier one. And what tabs
 * have sent.
 */
function createPendingAnswers() {
  let onProbed: (() => void) | undefined
  let onRenewed: ((answer: RenewalOutcome) => void) | undefined
  const acknowledgements = new Map<number, (data: unknown) => void>()
  let lastRequest = 0
  return {
    probe: () =>
      new Promise<void>((resolve) => {
        onProbed = resolve
      }),
    renewal: () =>
      new Promise<RenewalOutcome>((resolve) => {
        onRenewed = resolve
      }),
    acknowledgement: (ask: (request: number) => void) =>
      new Promise<unknown>((resolve) => {
        acknowledgements.set(++lastRequest, resolve)
        ask(lastRequest)
      }),
    answer(packet: ServerPacket & { readonly kind: 'probed' | 'renewed' | 'answer' }): void {
      if (packet.kind === 'probed') onProbed?.()
      else if (packet.kind === 'answer') acknowledgements.get(packet.request)?.(packet.data)
      else onRenewed?.(readRenewalAnswer(packet))
    },
    forget(): void {
      onProbed = undefined
      onRenewed = undefined
      acknowledgements.clear()
    },
  }
}
