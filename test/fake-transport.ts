import type { OpenTransport, RenewalOutcome, Transport, TransportHandlers } from '../src/transport/transport.js'
import type { Settings } from '../src/wire/protocol.js'

/** A transport and its server in memory: a test sees what was opened, and plays the server. `lacks`: what it can't do. */
export function createFakeTransport(lacks: readonly ('probe' | 'renew' | 'send' | 'ask' | 'tell')[] = []) {
  const opened: FakeConnection[] = []
  const open: OpenTransport = (settings, handlers) => {
    const connection: FakeConnection = {
      settings,
      handlers,
      attempts: 0,
      closed: false,
      probes: 0,
      answersProbes: true,
      renewals: [],
      renewal: 'accepted',
      said: [],
      asked: [],
      told: [],
      disconnects: [],
    }
    opened.push(connection)
    const attempt = () => {
      connection.attempts++
    }
    const transport: Transport = {
      connect: attempt,
      reconnect: attempt,
      disconnect: (session) => void connection.disconnects.push(session),
      probe() {
        connection.probes++
        return connection.answersProbes ? Promise.resolve() : new Promise(() => undefined)
      },
      renew(credentials) {
        connection.renewals.push(credentials)
        const { renewal } = connection
        return renewal === 'unknown' ? new Promise(() => undefined) : Promise.resolve(renewal)
      },
      send: (event, metadata) => void connection.said.push([event, metadata]),
      ask: (event, data, timeoutMs) =>
        new Promise((answer, fail) => void connection.asked.push({ event, data, timeoutMs, answer, fail })),
      tell: (event, data) => void connection.told.push([event, data]),
      close: () => {
        connection.closed = true
      },
    }
    for (const ability of lacks) delete transport[ability]
    return transport
  }
  return {
    open,
    opened,
    get last(): FakeConnection {
      const connection = opened.at(-1)
      if (!connection) throw new Error('no transport was opened')
      return connection
    },
    /** How many sockets a server would see. */
    live: () => opened.filter((connection) => connection.attempts > 0 && !connection.closed).length,
  }
}

export interface FakeConnection {
  readonly settings: Settings
  readonly handlers: TransportHandlers
  attempts: number
  closed: boolean
  probes: number
  /** False: the connection is half-open. */
  answersProbes: boolean
  readonly renewals: unknown[]
  /** The server's answer to renewed credentials; `unknown`: it does not answer. */
  renewal: RenewalOutcome | 'unknown'
  /** How the hub ended attempts and connections, apart from replacing them at once. */
  readonly disconnects: ('keep' | 'end')[]
  /** What tabs have sent, for the server to acknowledge. */
  readonly asked: {
    readonly event: string
    readonly data: unknown
    readonly timeoutMs: number
    answer(data: unknown): void
    fail(reason: Error): void
  }[]
  readonly told: (readonly [event: string, data: unknown])[]
  /** What was sent to the server. */
  readonly said: (readonly [event: string, metadata: Readonly<Record<string, unknown>>])[]
}
