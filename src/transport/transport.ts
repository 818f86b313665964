import type { Metadata, Settings } from '../wire/protocol.js'

/** What a hub needs of a connection to the server. It reconnects by itself until it is refused or closed. */
export interface Transport {
  connect(): void
  /** Drops the present connection or back-off, and tries at once. This is not reported as `onDown`. */
  reconnect(): void
  /** Asks the server for a sign of life over the present connection. Never resolves when the connection is dead. */
  probe?(): Promise<void>
  /** Offers fresh credentials over the present connection. Never resolves when the server does not know how. */
  renew?(credentials: Readonly<Record<string, unknown>>): Promise<'accepted' | 'refused'>
  /** Sends an event to the server over the present connection. Without a connection it is dropped. */
  send?(event: string, metadata: Metadata): void
  /** Ends the transport for good: it calls no handler any more. */
  close(): void
}

/** What a transport reports to its hub. */
export interface TransportHandlers {
  /** Called at every connection attempt. Rejects when no tab gives credentials. */
  auth(): Promise<Readonly<Record<string, unknown>> | undefined>
  /** Connected. `recovered`: the server has sent on every missed event. */
  onUp(recovered: boolean): void
  /** The connection was lost; the transport reconnects by itself. */
  onDown(reason: string): void
  /** An attempt failed; the transport goes on trying. */
  onTrouble(reason: string): void
  /** The server refused or ended the connection on purpose; the transport waits for `connect`. */
  onRefused(reason: string): void
  /** There were no credentials to connect with; the transport waits for `connect`. */
  onNoCredentials(reason: string): void
  /** The server has sent something, whatever it is: the connection is alive. */
  onAlive(): void
  /**
   * An event of the server. Call it through `deliverEvent`, which checks the metadata.
   * @param metadata `{}` when none was sent; null when it is no plain JSON object, or too deep.
   * @param reserved The reserved field of the metadata, unchecked; it is no longer part of `metadata`.
   */
  onEvent(name: string, metadata: Metadata | null, reserved?: unknown): void
  /** The server sent something that is no event. Called for the 1st, 10th, 100th … of a kind, with their number. */
  onBadFrame(what: string, count: number): void
}

export type OpenTransport = (settings: Settings, handlers: TransportHandlers) => Transport
