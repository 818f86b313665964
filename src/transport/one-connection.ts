import { messageOf } from '../util/errors.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import { type RenewalOutcome, readRefusal, type Transport, type TransportHandlers } from './transport.js'

/** What one connection reports. Each of the last three ends it, and comes at most once. */
export interface OneConnectionHandlers
  extends Pick<TransportHandlers, 'auth' | 'onEvent' | 'onAlive' | 'onRefused' | 'onBadFrame' | 'onRetryAfter'> {
  /** The server accepted the credentials. */
  onUp(): void
  /** `wasUp`: the credentials had been accepted. */
  onLost(reason: string, wasUp: boolean): void
  onNoCredentials(reason: string): void
}

export interface OneConnection {
  probe(): Promise<void>
  renew(credentials: Metadata): Promise<RenewalOutcome>
  send(event: string, metadata: Metadata): void
  ask(event: string, data: unknown, timeoutMs: number): Promise<unknown>
  tell(event: string, data: unknown): void
  /** Ends it without a report. */
  close(): unknown
}

/**
 * The ways in which a connection ends with a report. `end` ends it without one, and gives the state that it was in.
 */
export function createEndings(handlers: OneConnectionHandlers, end: () => string) {
  function lose(reason: string): void {
    const before = end()
    if (before !== 'over') handlers.onLost(reason, before === 'up')
  }
  return {
    lose,
    /** `said`: the fields by which the server tells a refusal from others. */
    refuse(message: unknown, said: unknown): void {
      const reason = typeof message === 'string' && message !== '' ? message : 'the server refused the credentials'
      const refusal = readRefusal(reason, said)
      if (!refusal) lose(reason)
      else if (end() !== 'over') handlers.onRefused(refusal)
    },
    noCredentials(thrown: unknown): void {
      if (end() !== 'over') handlers.onNoCredentials(messageOf(thrown))
    },
  }
}

type OneConnectionState =
  | { readonly name: 'idle' | 'closed' }
  /** An attempt or a connection. */
  | { readonly name: 'open'; readonly connection: OneConnection }

/**
 * A transport whose every attempt is a connection of its own. `hasHandshake`: false for a server that knows nothing of Partyline,
 * and that words of ours could only confuse. `hears`: it can be told something all the same. `open` may throw: that attempt has failed.
 */
export function oneConnection(
  handlers: TransportHandlers,
  { hasHandshake, hears }: { readonly hasHandshake: boolean; readonly hears: boolean },
  open: (handlers: OneConnectionHandlers) => OneConnection,
): Transport {
  let state: OneConnectionState = { name: 'idle' }

  function end(): void {
    if (state.name === 'open') state.connection.close()
    state = { name: 'idle' }
  }

  function connect(): void {
    end()
    try {
      state = { name: 'open', connection: open(reports) }
    } catch (thrown) {
      // The URL is invalid, or the page's policy forbids it.
      handlers.onAttemptFailed(messageOf(thrown))
    }
  }

  const reports: OneConnectionHandlers = {
    ...handlers,
    onUp: () => handlers.onUp(false),
    onLost(reason, wasUp) {
      state = { name: 'idle' }
      if (wasUp) handlers.onDown(reason)
      else handlers.onAttemptFailed(reason)
    },
    onRefused(refusal) {
      state = { name: 'idle' }
      handlers.onRefused(refusal)
    },
    onNoCredentials(reason) {
      state = { name: 'idle' }
      handlers.onNoCredentials(reason)
    },
  }

  const current = () => (state.name === 'open' ? state.connection : undefined)
  const never = <T>() => new Promise<T>(() => undefined)
  return {
    connect() {
      if (state.name === 'idle') connect()
    },
    reconnect() {
      if (state.name !== 'closed') connect()
    },
    disconnect() {
      if (state.name !== 'closed') end()
    },
    ...(hasHandshake && {
      probe: () => current()?.probe() ?? never<void>(),
      renew: (credentials: Metadata) => current()?.renew(credentials) ?? never<RenewalOutcome>(),
      send: (event: string, metadata: Metadata) => current()?.send(event, metadata),
      ask: async (event: string, data: unknown, timeoutMs: number) => current()?.ask(event, data, timeoutMs) ?? never(),
    }),
    ...(hears && {
      tell: (event: string, data: unknown) => current()?.tell(event, hasHandshake ? data : withoutReserved(data)),
    }),
    close() {
      end()
      state = { name: 'closed' }
    },
  }
}

function withoutReserved(data: unknown): unknown {
  if (!isMetadata(data)) return data
  const { [RESERVED]: _, ...rest } = data
  return rest
}
