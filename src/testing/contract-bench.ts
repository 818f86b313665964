import type {
  OpenOwnTransport,
  OpenTransport,
  OwnTransportMethods,
  Transport,
  TransportHandlers,
} from '../transport/transport.js'
import type { Settings } from '../wire/protocol.js'

/** A real server at the other end of a transport, as its contract needs it. */
export interface ContractServer {
  readonly port: number
  /** The token of every attempt to come in: `token` of the credentials. */
  readonly tokens: readonly unknown[]
  /**
   * What clients sent with `send`, `ask` and `tell`, with its metadata or data. The server acknowledges an `echo` with its data, and a
   * `deny` with `{ ok: false, message: 'denied' }`. Anything else it does not.
   */
  readonly said: readonly (readonly [name: string, metadata: unknown])[]
  /** The topics in which anybody is, for a transport that joins them by `join`. */
  topics?(): readonly string[]
  /** How many are connected now. */
  count(): number
  /** Sends an event to all who are connected. */
  emit(name: string, metadata?: unknown): void
  /** Breaks every connection as a bad network would. */
  drop(): void
  /** Every connection is half-open from here on: nothing is read any more, and nothing is said. Only needed for `probe`. */
  freeze?(): void
  close(): Promise<void>
}

/** Why a server does not let a client in, and what it says about that. */
export interface ContractRefusal {
  readonly reason: string
  readonly final?: boolean
  readonly code?: 'wrong-identity' | 'unavailable'
}

/**
 * What a transport may be unable to do. `join`: its topics, if it has any, are words that it sends. `credentials`: it sends none.
 * `refusals`: its server refuses nobody.
 */
export type TransportAbility = 'probe' | 'renew' | 'send' | 'join' | 'ask' | 'tell' | 'credentials' | 'refusals'

export interface TransportContractOptions {
  readonly open: OpenOwnTransport
  /**
   * Starts a server of its kind at a port (0: any) of 127.0.0.1. `accept` gets the token of an attempt, or of renewed
   * credentials, and gives a refusal.
   */
  readonly serve: (port: number, accept: (token: unknown) => ContractRefusal | undefined) => Promise<ContractServer>
  /** @default (port) => `http://127.0.0.1:${port}/` */
  readonly url?: (port: number) => string
  /** @default {} */
  readonly socket?: Settings['socket']
  /** @default nothing */
  readonly lacks?: readonly TransportAbility[]
}

type ContractAuth = TransportHandlers['auth']

export interface ContractBench {
  readonly lacks: readonly TransportAbility[]
  /** The methods of the transport that was opened last, as its author wrote them. */
  methods(): OwnTransportMethods
  serve(accept?: (token: unknown) => ContractRefusal | undefined, port?: number): Promise<ContractServer>
  connect(port: number, auth?: ContractAuth): ContractClient
}

export interface ContractClient {
  readonly transport: Transport
  /** What it reported, in words. */
  readonly reports: string[]
  readonly events: [name: string, metadata: unknown][]
}

/** One rule of the contract. */
export interface ContractCase {
  readonly name: string
  readonly needs?: readonly TransportAbility[]
  test(bench: ContractBench): Promise<void>
}

/** For a transport that checks the metadata of its events itself. */
export type CheckedContractOptions = Omit<TransportContractOptions, 'open'> & {
  readonly open: OpenTransport
  /** @default what `open` gave */
  readonly methods?: () => OwnTransportMethods
}

/** A server and clients of one case, ended with it. */
export function createContractBench({ open, serve, url, socket = {}, lacks = [], methods }: CheckedContractOptions) {
  const closing: (() => unknown)[] = []
  let last: OwnTransportMethods
  return {
    lacks,
    methods: () => methods?.() ?? last,
    async serve(accept: (token: unknown) => ContractRefusal | undefined = () => undefined, port = 0) {
      const server = await serve(port, accept)
      let closed: Promise<void> | undefined
      const close = () => {
        closed ??= server.close()
        return closed
      }
      closing.push(close)
      return { ...server, close }
    },
    connect(port: number, auth: ContractAuth = async () => undefined): ContractClient {
      const reports: string[] = []
      const events: ContractClient['events'] = []
      const settings: Settings = {
        url: url?.(port) ?? `http://127.0.0.1:${port}/`,
        identity: 'u1',
        socket,
        lingerMs: 0,
        authTimeoutMs: 1_000,
      }
      const transport = open(settings, {
        auth,
        onUp: (recovered) => reports.push(recovered ? 'up, recovered' : 'up'),
        onDown: (reason) => reports.push(`down: ${reason}`),
        onAttemptFailed: (reason) => reports.push(`failed: ${reason}`),
        onRefused: ({ reason, final, isWrongIdentity }) =>
          reports.push(`refused${final ? ' for good' : ''}${isWrongIdentity ? ' as somebody else' : ''}: ${reason}`),
        onNoCredentials: (reason) => reports.push(`no credentials: ${reason}`),
        onEvent: (name, metadata) => events.push([name, metadata]),
        onAlive: () => undefined,
        onPing: () => undefined,
        onRetryAfter: () => undefined,
        onBadFrame: (what) => reports.push(`bad frame: ${what}`),
      })
      last = transport
      closing.push(transport.close)
      transport.connect()
      return { transport, reports, events }
    },
    async close(): Promise<void> {
      for (const close of closing.splice(0).reverse()) await close()
    },
  }
}

export const delay = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** Anything may take this long. */
const LIMIT_MS = 10_000

/** Waits until it is what it should be. */
export async function becomes(actual: () => unknown, expected: unknown, limitMs = LIMIT_MS): Promise<void> {
  const wanted = JSON.stringify(expected)
  for (let waitedMs = 0; JSON.stringify(actual()) !== wanted; waitedMs += 10) {
    if (waitedMs > limitMs) throw new Error(`it is ${JSON.stringify(actual())}, and should be ${wanted}`)
    await delay(10)
  }
}

/** It is so, and stays so for a moment. */
export async function stays(actual: () => unknown, expected: unknown): Promise<void> {
  await becomes(actual, expected)
  await delay(150)
  await becomes(actual, expected, 0)
}

/** Reports without their reasons, which are the transport's own. */
export const reportKindsOf = ({ reports }: ContractClient) => reports.map((report) => report.split(':')[0])
export const upsOf = ({ reports }: ContractClient) => reports.filter((report) => report === 'up').length
