import type { Metadata, Settings } from '../wire/protocol.js'

/**
 * What a hub needs of a connection to the server. A transport makes one attempt at a time and never one by itself: the
 * hub decides when to try again. Each attempt ends with exactly one report, unless the hub ends it.
 *
 * A transport leaves out the functions that it can't offer. Without `probe`, a connection is replaced when the network
 * changes. Without `renew`, it is replaced when credentials end. Without `send` there are no topics, and tabs that use
 * some are told so. Without `ask` and `tell` there is no `line.send`.
 */
export interface Transport {
  /** Makes one attempt. Where there is a connection or an attempt already, that goes on. */
  connect(): void
  /** Drops the present connection or attempt without a report, and makes an attempt at once. */
  reconnect(): void
  /**
   * Drops the present connection or attempt without a report. `keep`: the next connection may recover its session.
   * `end`: the server may forget the session, and no later connection recovers it.
   */
  disconnect(session: 'keep' | 'end'): void
  /** Asks the server for a sign of life over the present connection. Never resolves when the connection is dead. */
  probe?(): Promise<void>
  /** Offers fresh credentials over the present connection. Never resolves when the server does not know how. */
  renew?(credentials: Readonly<Record<string, unknown>>): Promise<RenewalOutcome>
  /** Sends a word of Partyline's, of topics, over the present connection. Without a connection it is dropped. */
  send?(event: string, metadata: Metadata): void
  /**
   * Sends an event of the app's over the present connection, once, and gives the server's acknowledgement. Keeps nothing for the next
   * connection. May reject, or never settle, when there is none. After `timeoutMs` milliseconds nobody waits for it.
   * @param data JSON. An object says in its field `_line` which tab it is of.
   */
  ask?(event: string, data: unknown, timeoutMs: number): Promise<unknown>
  /** Sends an event of the app's that nobody acknowledges. Drops it where the connection is away, or busy. */
  tell?(event: string, data: unknown): void
  /** Ends the transport: it calls no handler any more. */
  close(): void
}

/** `unavailable`: the server can't judge the credentials now. */
export type RenewalOutcome = 'accepted' | 'refused' | 'unavailable'

/** The server refused the credentials, or ended the connection on purpose. */
export interface ServerRefusal {
  readonly reason: string
  /** The server says that it will never let these credentials in. */
  readonly final: boolean
  /** The credentials are somebody else's than the identity that came with them. */
  readonly isWrongIdentity: boolean
}

/** What a transport reports to its hub. */
export interface TransportHandlers {
  /** Called at every connection attempt. Rejects when no tab gives credentials. */
  auth(): Promise<Readonly<Record<string, unknown>> | undefined>
  /** Connected. `recovered`: the server has sent on every missed event. Otherwise tabs refetch what may have changed. */
  onUp(recovered: boolean): void
  /** The connection was lost. */
  onDown(reason: string): void
  /** An attempt failed, or the server could not judge. */
  onAttemptFailed(reason: string): void
  onRefused(refusal: ServerRefusal): void
  /** The server asks for this pause once the present connection or attempt has ended. Milliseconds. */
  onRetryAfter(ms: number): void
  /** There were no credentials to connect with. */
  onNoCredentials(reason: string): void
  /** The server has sent something, whatever it is: the connection is alive. */
  onAlive(): void
  /**
   * The server has sent a ping, and is being answered. It sends the next one only after that answer, so whatever it had sent by
   * then comes before the next call. A transport without such pings does not call it.
   */
  onPing(): void
  /**
   * An event of the server. Call it through `deliverEvent`, which checks the metadata.
   * @param metadata `{}` when none was sent, `{ value }` for what is no object; null when it is no plain JSON, or too deep.
   * @param reserved The reserved field of the metadata, unchecked; it is no longer part of `metadata`.
   */
  onEvent(name: string, metadata: Metadata | null, reserved?: unknown): void
  /** The server sent something that is no event, as far as can be read: an event may be missing. `what`: of a kind. */
  onBadFrame(what: string): void
}

export type OpenTransport = (settings: Settings, handlers: TransportHandlers) => Transport

/** What a transport is told of the server. */
export type TransportSettings = Pick<Settings, 'url' | 'identity' | 'socket'>

/** The handlers of a transport of your own. An event may have any payload. The hub checks it. */
export interface OwnTransportHandlers extends Omit<TransportHandlers, 'onEvent'> {
  /** @param metadata What the server sent with the event, maybe with the reserved field `_line`. Undefined for nothing. */
  onEvent(name: string, metadata?: unknown): void
}

/** The functions of a transport of your own. If the service has channels, they are the topics, and `send` may be absent. */
export interface OwnTransportMethods extends Transport {
  /**
   * Joins a topic over the present connection. Resolves with true, or with the reason of a refusal. Rejects if that is
   * not known now. After every connection all topics are joined again. A topic that is joined may be joined once more.
   */
  join?(topic: string): Promise<true | string>
  /** Leaves a topic. Without a connection there is nothing to leave. */
  leave?(topic: string): void
}

/** Makes a transport of the app's own. It does not connect before `connect` is called. */
export type OpenOwnTransport = (settings: TransportSettings, handlers: OwnTransportHandlers) => OwnTransportMethods

/** A transport of the app's own, as the option `transport` takes it. */
export interface OwnTransport {
  /** Its name in the worker's `serveWorker({ transports })`. */
  readonly name: string
  /** Gives its code, for a hub in a tab: `() => openMine`, or `async () => (await import('./mine.js')).openMine`. */
  readonly load: () => OpenOwnTransport | Promise<OpenOwnTransport>
}

/** The transports of this package. */
export type TransportName = 'socket.io' | 'websocket' | 'sse'

/** The line's transport. `load`: of the app's own. */
export type TransportChoice = OwnTransport | { readonly name: TransportName; readonly load?: undefined }

/**
 * Reads what a server says about a refusal: `final`, and a `code`. Undefined for the code `unavailable`, with which it says
 * that it can't judge now.
 */
export function readRefusal(reason: string, data: unknown): ServerRefusal | undefined {
  const { final, code } = (typeof data === 'object' && data !== null ? data : {}) as { final?: unknown; code?: unknown }
  if (code === 'unavailable') return undefined
  return { reason, final: final === true, isWrongIdentity: code === 'wrong-identity' }
}

/** Reads a server's answer to renewed credentials: `{ ok, code? }`. */
export function readRenewalAnswer(answer: unknown): RenewalOutcome {
  const { ok, code } = (typeof answer === 'object' && answer !== null ? answer : {}) as { ok?: unknown; code?: unknown }
  if (ok === true) return 'accepted'
  return code === 'unavailable' ? 'unavailable' : 'refused'
}
