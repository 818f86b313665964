import type { Settings } from '../wire/protocol.js'

/** What a hub needs of a connection to the server. It reconnects by itself until it is refused or closed. */
export interface Transport {
  connect(): void
  /** Drops whatever there is, any back-off included, and tries at once. Who asks for it knows: it is not told as `onDown`. */
  reconnect(): void
  /** Asks the server for a sign of life over the connection there is. Never resolves when the connection is dead. */
  probe?(): Promise<void>
  /** Offers fresh credentials over the connection there is. Never resolves when the server does not know how. */
  renew?(credentials: Readonly<Record<string, unknown>>): Promise<'accepted' | 'refused'>
  /** Says something to the server over the connection there is; without one it is not said at all. */
  send?(event: string, metadata: Readonly<Record<string, unknown>>): void
  /** Ends it for good: nothing is heard from it any more. */
  close(): void
}

export interface TransportHandlers {
  /** Asked at every connection attempt. Rejects when no tab gives credentials. */
  auth(): Promise<Readonly<Record<string, unknown>> | undefined>
  /** `recovered`: the server has sent on what was missed. */
  onUp(recovered: boolean): void
  /** The connection was lost; the transport is on its way back. */
  onDown(reason: string): void
  /** An attempt failed; the transport goes on trying. */
  onTrouble(reason: string): void
  /** The server said no, or hung up on purpose; the transport waits for `connect`. */
  onRefused(reason: string): void
  /** There were no credentials to connect with; the transport waits for `connect`. */
  onNoCredentials(reason: string): void
  /** `metadata` is whatever the server sent, unchecked. */
  onEvent(name: string, metadata: unknown): void
  /** The server sent what is no event. Told of the first, the tenth, the hundredth … of a kind, with their number. */
  onBadFrame(what: string, count: number): void
}

export type OpenTransport = (settings: Settings, handlers: TransportHandlers) => Transport
