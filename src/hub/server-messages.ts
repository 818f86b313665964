import type { HubEnvironment } from '../platform/environment.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'

/** The event by which the server speaks to the hub itself; no tab gets it. */
export const SERVER_MESSAGE = RESERVED

/** Nothing that the server wants spread is put off for longer than this: nobody may be kept from fresh data. */
export const MAX_SPREAD_MS = 600_000

export interface ServerMessageHandlers {
  /** Whether all missed events have come; if not, they will not come. */
  onReplayed(all: boolean): void
  /** Where the server's log was when this connection was let in. */
  onCursor(id: string | number): void
  /** For how long the server had sent nothing to this browser when it was connected: see `readQuietMs`. */
  onQuiet(forMs: number): void
  /** Events may have been missed, on the server's side of the connection. */
  onGap(): void
  /** This server process is about to end: the connection should move to another one. */
  onMove(): void
  /** The server's answer about a topic, or the topic was taken away. */
  onTopic(message: Metadata): void
  /** The server says whom it has let in. */
  onIdentity(identity: string): void
}

type SpreadMessage = 'onGap' | 'onMove'

/**
 * So much is taken off the server's quiet time. Its clock may run faster than ours, a browser's clock is coarse, and an
 * event may be sent a moment before its change can be read. How long the word was on its way needs nothing: it counts
 * from its arrival, which only makes it say less.
 */
const QUIET_DOUBT = { share: 0.01, ms: 1_000 }

/** For how long the server had sent nothing, as far as that is believed. 0: it does not know. Undefined: it says nothing of it. */
export function readQuietMs({ quietForMs }: Metadata): number | undefined {
  if (typeof quietForMs !== 'number') return undefined
  return Math.max(0, quietForMs * (1 - QUIET_DOUBT.share) - QUIET_DOUBT.ms)
}

/**
 * Reads the server's messages to the hub. One that goes to very many browsers has a `spreadMs`: each browser acts after a
 * random part of it.
 */
export function createServerMessages(
  { timers, random }: Pick<HubEnvironment, 'timers' | 'random'>,
  handlers: ServerMessageHandlers,
) {
  const pending = new Map<SpreadMessage, () => void>()

  function cancel(message: SpreadMessage): void {
    pending.get(message)?.()
    pending.delete(message)
  }

  function handleSpread(message: SpreadMessage, given: unknown): void {
    const spreadMs = typeof given === 'number' && given > 0 ? Math.min(given, MAX_SPREAD_MS) : 0
    const handle = () => {
      cancel(message)
      handlers[message]()
    }
    if (spreadMs === 0) handle()
    // The pending one stands for those that come meanwhile.
    else if (!pending.has(message)) pending.set(message, timers.after(random() * spreadMs, handle))
  }

  return {
    read(message: unknown): void {
      if (!isMetadata(message)) return
      if (typeof message['identity'] === 'string') handlers.onIdentity(message['identity'])
      if ('topic' in message) handlers.onTopic(message)
      const { cursor } = message
      if (typeof cursor === 'string' || typeof cursor === 'number') handlers.onCursor(cursor)
      const quietMs = readQuietMs(message)
      // A topic's answer says it of the topic.
      if (quietMs !== undefined && !('topic' in message)) handlers.onQuiet(quietMs)
      if (typeof message['replayed'] === 'boolean') handlers.onReplayed(message['replayed'])
      if (message['gap'] === true) handleSpread('onGap', message['spreadMs'])
      if (message['move'] === true) handleSpread('onMove', message['spreadMs'])
    },
    /** A new connection is not the one that was to move. */
    moved: (): void => cancel('onMove'),
    close(): void {
      for (const stop of pending.values()) stop()
    },
  }
}
